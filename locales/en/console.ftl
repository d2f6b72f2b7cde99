# The words of the console. What the page says too is in status.ftl.

# The frame
skip = Skip to the content
places = Places
place-overview = Overview
place-incidents = Incidents
place-services = Services
place-maintenance = Planned work
place-deliveries = Deliveries
place-journal = Journal
place-edges = Edges
more = More
menu = Menu
close = Close
loading = Loading…
try-again = Try again
nowhere = There is no such page
page-missing = This page could not be loaded. The server may have been updated: load the page anew.
public-page = Public page
language = Language
theme = Colours
theme-auto = As the device
theme-light = Light
theme-dark = Dark
sign-out = Sign out
sign-out-failed = You are still signed in: the server did not answer.
role-viewer = may read
role-responder = may respond
role-admin = may do everything

beat-live = Live
beat-cut = Cut off
beat-old = No fresh news
cut = No connection since { $time }. What you see is from then. What you type is kept on this device.
stale = No fresh news since { $time }: our checks say nothing. What you see is from then.
stale-never = No news yet: nothing has been looked at.
no-answer = The server did not answer.

# Signing in
sign-in = Sign in
sign-in-do = Sign in
sign-in-wrong = Name or password is wrong.
sign-in-wrong-code = Name, password or code is wrong.
sign-in-slow = Too many tries. Wait { $time } and try again.
sign-in-expired = Your session has ended. Drafts are kept on this device.
name = Name
password = Password
code = Code from your app
set-up = Welcome
set-up-more = Nobody can sign in yet. Stillhere printed a link in its terminal; `stillhere person add NAME --role admin` prints one too. Whoever has it is the first admin.
set-up-link = Choose a password. The first person chooses a name as well; if you were invited, enter the name that you were given.
set-up-token = The link
set-up-gone = This link was used already, or is too old. Ask for another one.
set-up-do = Make my account
unreachable = The server does not answer
unreachable-more = Either it is down, or you have no connection. This console says nothing about your services until it answers.

# Commands and keys
palette = Find or do
palette-hint = A service, an incident, a place …
palette-none = Nothing is called so.
kind-deed = do
kind-incident = incident
kind-place = place
kind-service = service
deed-update = Post an update: { $title }
deed-open = Open an incident
help = Keys
key-palette = Find or do
key-help = These keys
key-find = To the search field
key-step = To the next thing, to the one before
key-new = Open an incident
key-update = Post an update
key-publish = Publish what is written
key-on = Single keys do something

# Times
span-s = { $n } s
span-min = { $n } min
span-h = { $n } h
span-d = { $n } d
span-two = { $large } { $small }
ago = { $time } ago
in = in { $time }
since = since { $time }
lasted = lasted { $time }

# What is wrong
open-incidents = { $n ->
    [one] 1 open incident
   *[other] { $n } open incidents
}
not-working = { $n ->
    [one] 1 service is not simply working
   *[other] { $n } services are not simply working
}
show-all = Show all { $n }
well = { $n } of { $of } services work
all-services = All services
now = Now
began = Began
over-at = Over
affected = Affected
affected-none = No service is named.
and-more = and { $n } more
told = Visitors read
nobody-said = No person has said anything yet.
next-update = Next update
taken = Taken on by
taken-by-nobody = nobody yet
take = Take it on
take-done = You have it. Those who were called know it.
over-by = Over by
due-in = by { $time }, in { $left }
due-late = was due at { $time }, { $by } ago
due-kept = kept, was due at { $time }
unstable = comes and goes
visitors = Visitors see
not-public = not public
worst = at worst
declared = Said by a person.

# An incident
open-incident = Open an incident
open-more = For what no check has seen. It is public at once, and everybody who subscribed is told.
open-do = Open and publish
past = Past
past-none = No incident has been called over yet.
older = Older ones
deeds = What you can do
say = Post an update
publish = Publish to everybody
published = Published at { $time }. It is on disk and on the page.
resolve = Call it over
resolve-do = Call it over for everybody
resolved-done = Called over.
eta = Say until when
eta-more = A time by which you expect it to be over. It is public, marked as your team’s, and it is counted how often such times hold.
eta-in = In
eta-give = Publish this time
eta-no = Give no time
eta-done = The page says it now.
eta-by = given by { $name }
eta-computed = computed from the record
eta-passed = has passed
eta-was = over by { $time }
eta-none = no time was given any more
etas = Times that were given
correct = Correct the record
correct-more = The page will show the correction and what stood there before.
correct-began = It began
correct-over = It was over
correct-note = Why (public, may be left empty)
correct-do = Correct it in public
correct-done = Corrected, visibly.
reword = Reword
origin = Started with
timeline = What was said
by-itself = by itself
said-before = Before:
promised = Next update promised by { $time }
promises = Promises
promise-kept = kept
promise-missed = missed
promise-open = open

# Writing
templates = Begin with
template-looking = Looking into it
template-looking-text = We know that it is not working and are looking for the cause.
template-cause = Cause known
template-cause-text = We know the cause and are working on it.
template-working = Still working on it
template-working-text = We are still working on it. There is nothing new to say yet.
template-better = Better, watching
template-better-text = It should work again. We are watching it before we call it over.
template-nothing-new = Nothing new
template-nothing-new-text = There is nothing new yet. We are still here and still on it.
title-in = Title, { $language }
text-in = Text, { $language }
language-missing = Without { $missing }: its readers will read { $read }.
incident-status = Status
as-it-is = As it is
next-update-in = Next update in
as-usual = As usual
services-status = How the services are
services-add = Add a service by name
not-affected = Not affected
preview = What visitors will read
preview-none = It is shown here as soon as there is something to show.
draft-kept = What you wrote at { $time } was kept.
draft-drop = Discard it
draft-safe = What you wrote is kept on this device.
draft-lost = This browser keeps nothing: copy what you wrote before you leave.
not-sent = Nothing was published.
unsure = Nobody knows whether it arrived. Send it again: it is published once, however often you send it.
sending = Sending …
send-again = Send again

# Services
services-find = Find a service
services-unwell = Only what does not work
services-shown = { $n } of { $of }
services-none = No service fits.
outcome-up = good since { $time }.
outcome-slow = slow since { $time }.
outcome-down = fails since { $time }.
outcome-unknown = could not look since { $time }.
votes = { $down } of { $live } vantages say so.

# A service and its checks
why = Why
latency = How long answers take
p50 = half within
p95 = 95 of 100 within
latency-label = How long answers took in the last { $hours } h: half of them within { $low } to { $high } ms.
latency-none = Nothing has been measured in this time.
days-90 = 90 days
days-bad = { $n ->
    [0] No day with a problem.
    [one] 1 day with something to say
   *[other] { $n } days with something to say
}
day-part = { $status } for { $time }
day-corrected = corrected later
uptime = { $percent } of the time that is known.
uptime-none = Nothing is known yet.
depends = What hangs together
needs = It needs
needed-by = Needed by
stretch = Stretch of time
phases = Where the time goes
phases-label = The parts of the last { $n } looks, stacked. The list below has the looks.
phase-dns_us = name
phase-connect_us = connection
phase-tls_us = TLS
phase-first_byte_us = first byte
phase-body_us = rest
looks = Looks
looks-none = Nothing was looked at in the last day.
look-up = good
look-slow = slow
look-down = failed
look-unknown = could not look
recheck = looked again

# Planned work
plan = Plan work
plan-more = It is announced at once, with its times. What turns out worse than planned is shown as what it is.
plan-do = Announce it
plan-from = Begins
plan-until = Ends
plan-ended = Ended
plan-services = Services
plan-expect = At worst, as planned
plan-coming = Under way and to come
plan-over = Lately over
plan-none = Nothing is planned.
plan-new-end = New end, if it moves
plan-said = Published. It is on disk and on the page.
plan-complete = Done already
plan-complete-do = Yes, it is done
plan-completed = The work is done; the page says so.
plan-cancel = Call off
plan-cancel-do = Yes, call it off
plan-cancelled = Called off; the page says so.
take-off = Take off
no = No

# Deliveries
channels = Channels
channels-none = Nothing waits, and nothing was sent yet.
queued = { $n ->
    [one] 1 waits
   *[other] { $n } wait
}
queued-none = nothing waits
oldest = the oldest for { $time }
delivered = { $n } delivered
dead = { $n } given up
dead-letters = Given up
dead-newest = The newest { $n } of { $of }.
given-up = Given up at { $time }, after { $n ->
    [one] 1 try
   *[other] { $n } tries
}.
revive = Try it again
revived = It waits to be sent again.
occasion-incident_opened = an incident was opened
occasion-incident_updated = an update
occasion-incident_resolved = an incident is over
occasion-promise_due = a promised update is due soon
occasion-promise_missed = a promised update was missed
occasion-unacknowledged = nobody has taken it on
occasion-acknowledged = somebody has taken it on
occasion-prevention_overdue = a prevention item is overdue
occasion-maintenance_scheduled = work was planned
occasion-maintenance_started = planned work has begun
occasion-maintenance_updated = an update about planned work
occasion-maintenance_completed = planned work is done
occasion-maintenance_cancelled = planned work was called off
occasion-uplink_lost = our own way out was cut
occasion-uplink_back = our own way out is back
occasion-falling_behind = our checks run late
occasion-clock_jumped = the clock jumped
occasion-certificate_ending = a certificate ends soon
