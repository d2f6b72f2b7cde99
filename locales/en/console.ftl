# The words of the console. What the page says too is in status.ftl.

# The frame
skip = Skip to the content
places = Places
place-overview = Overview
place-incidents = Incidents
place-preventions = Prevention
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
sign-in-provider = Sign in with single sign-on
sign-in-away = The sign-in service does not answer. Try again in a moment, or come in with your password.
sign-in-refused = The sign-in service did not let you in, or you went back. Nobody is signed in.
sign-in-over = This took too long, or was begun in another browser. Begin again.
sign-in-odd = What the sign-in service said is not right, and nothing of it was used. Tell an admin: the log says why.
sign-in-nobody = The sign-in service knows you, but nobody here goes by that account. Ask an admin to add you.
sign-in-unverified = The sign-in service does not say that your e-mail address is verified. Have it verified there, and begin again.
sign-in-elsewhere = The sign-in service sends people back to another address of this site. Open the console there.
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
unreachable-heard = It last answered this device at { $time }, { $ago } ago. How things are since, nobody knows here.
unreachable-again = It is asked again by itself. Drafts are kept on this device.

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
key-note = Write a note for staff
key-postmortem = To the post-mortem of an incident that is over
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
service-edit = Edit
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
timeline = Timeline
by-itself = by itself
said-before = Before:
promised = Next update promised by { $time }
promises = Promises
promise-kept = kept
promise-missed = missed
promise-open = open

# Writing
templates = Begin with
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

# Me, and how I come in
place-me = My account
place-settings = Settings
place-people = People
place-tokens = API tokens
sessions = Where you are signed in
session-this = This browser
session-unnamed = a browser without a name
session-from = since { $time }
used = used { $time } ago
session-end = End it
session-end-do = Yes, end it
session-ended = That session is over.
password-change = Another password
password-more = 12 to 256 characters. All your other sessions end; this one goes on.
password-now = Your password now
password-new = New password
password-done = Your password is changed. All other sessions are over.
password-wrong = This is not your password.
password-code-wrong = Password or code is not right. A code is good once: wait for the next one.
password-do = Change it
code-needed = Type the code that your app shows now.
code-or-recovery = or a recovery code
codes = Codes from an app
codes-on = On: a code is asked for beside your password.
codes-off = Off
codes-more = An app on your phone shows six digits, new every 30 seconds. Who has only your password does not come in.
codes-begin = Have the app at hand. All your other sessions end.
codes-turn-on = Turn codes on
codes-turn-off = Turn codes off
codes-anew = Set up another device
codes-off-more = From then on your password alone is enough. All your other sessions end.
codes-scan = Read the picture with the app, then type the six digits that it shows.
codes-picture = Picture for the app’s camera
codes-here = Open in an app on this device
codes-type = Or type this into the app
codes-confirm = Six digits from the app
codes-confirm-wrong = This is not what the app shows for this picture. Is the clock of the device right?
codes-done = Codes are on. All other sessions are over.
codes-off-done = Codes are off. All other sessions are over.
recovery = Recovery codes
recovery-more = Each lets you in once, in place of a code, when the device is lost. Keep them somewhere else than on it. They are not shown again.
recovery-left = { $n ->
    [0] No recovery code is left
    [one] 1 recovery code is left
   *[other] { $n } recovery codes are left
}
go-on = Go on
copy = Copy
copied = Copied
once-done = I have kept it
alerts = Alerts in your browsers
alerts-more = A notification when something breaks, also while the console is closed. It leads to the page on which you take it on and write the next update, without signing in.
alerts-not-here = This browser has no push. On an iPhone or iPad, put the console on the home screen first.
alerts-no-https = Browsers allow alerts only where the page has an https address. Set site.url.
alerts-add = Alert this browser
alerts-this = this browser
alerts-browser = A browser
alerts-on = The test alert went out. It shows here in a moment.
alerts-told = last alert { $time } ago
alerts-denied = This browser does not let the console notify you. You can allow it in the browser’s settings for this site.
alerts-no-address = This browser got no address from its push service. Private windows get none.
alerts-forget-do = Yes, no more alerts
alerts-gone = No more alerts go to that browser, and those that did open nothing any more.
alerts-ended = This browser is not alerted any more. Open the console to have it alerted again.
passkeys = Passkeys
passkeys-more = Kept by this device or a password manager, and good for this address alone. You come in with your finger, face or PIN, without password and code.
passkeys-not-here = Passkeys need an address with a name. Open the console under its name, such as https://status.example.com/console/.
passkey-add = Add a passkey
passkey-begin = Your browser will ask you next.
passkey-name = What you call it
passkey-name-hint = My phone
passkey-made = The passkey is kept. You can sign in with it.
passkey-there = This device has a passkey of yours already.
passkey-left = Nothing was kept: the question was closed, or the device did not answer in time.
passkey-of = for { $site }
passkey-forget-do = Yes, take it away
passkey-gone = The passkey is good for nothing now. All other sessions are over.
passkey-sign-in = Sign in with a passkey
passkey-unknown = This passkey is not known here. Sign in with name and password.

# People
person-add = Add somebody
person-add-do = Add and make the link
person-added = { $name } is added. Give them the link below.
person-changed = Changed. { $name } signs in again.
person-removed = { $name } is removed.
person-was-reset = Give { $name } the link below. What they came in with is gone.
person-link = Link for { $name }
person-link-more = With it they choose a password, until { $time }, once. Whoever has it is them: send it where nobody else reads. It is not shown again.
person-waiting = has chosen no password yet
person-away = not signed in anywhere
person-codes = with codes
person-sessions = { $n ->
    [one] Signed in at 1 place
   *[other] Signed in at { $n } places
}
person-sessions-end = End all
person-sessions-end-do = Yes, end all
person-sessions-ended = Ended. { $name } is asked to sign in there again.
person-change = Change
person-change-do = Save
person-change-more = Their sessions end; they sign in again.
person-reset = New link
person-reset-do = Yes, take their password
person-remove = Remove
person-remove-do = Yes, remove them
role = May
teams = Teams
teams-more = whose services they speak about; none: everybody’s
admins-only = Only those who may do everything see this.
you = you

# Tokens
token-make = Make a token
token-make-do = Make it
token-scope = For
scope-write = the API
scope-edge = an edge that joins
token-until = Good until; empty: until it is revoked
token-once = Token { $name }
token-once-more = Whoever has it can do what it may. It is not shown again.
token-made = made { $time }
token-unused = never used
token-good = good until { $time }
token-over = was good until { $time }
token-forever = good until it is revoked
token-revoke = Revoke
token-revoke-do = Yes, revoke it
token-revoked = { $name } is good for nothing now.
tokens-none = There are no tokens.

# Edges
edges-none = No edge has joined. One that runs beside this server joins by itself; another one joins with a token that is made for an edge.
edge-speaks = Speaks
edge-silent = Silent for { $time }
edge-silent-more = It has said nothing since { $time }. What stands below is from then and counts for nothing now. It may still serve.
edge-config = Configuration
edge-config-current = the one in force here, since { $time }
edge-config-old = an older one, since { $time }
edge-refused = Not taken
edge-notice = Notice
edge-notice-of = made { $time } ago
edge-notice-none = none yet
edge-connections = Connections
edge-connections-of = { $n }, of them WebSockets: { $sockets }
edge-certificates = Certificates
edge-certificate-until = until { $time }
edge-joined = Joined
edge-version = version { $version }
edge-paused = Waiting by order
edge-paused-until = until { $time }, { $left } more
standing-takes = Takes requests
standing-paused = Waits by order
standing-all_out = No node answers
standing-overloaded = More comes than they can do
standing-silent = Connects, and no answers
node-up = up
node-slow_start = coming back
node-suspect = in doubt
node-down = out
node-load = { $n } at work, { $ms } ms
pool-rate = { $n } answers a second
pool-latency = half within { $half } ms, 95 of 100 within { $most } ms
pool-waiting = { $n } waiting
pool-since = Since { $time }:
request-answered = answered
request-failed = failed
request-repeated = sent again
request-held = held back
request-cut = cut off
request-silent = no answer in time
request-refused = no connection
request-garbled = not understood
request-client = the client’s fault
request-told = told by the edge
request-stale = from what was kept
