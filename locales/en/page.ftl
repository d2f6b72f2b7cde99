# The pages.

skip-to-content = Skip to content
nav-label = Pages
nav-status = Status
nav-history = History
page-title = { $headline } · { $site }
back-to-status = All services
services = Services
services-other = Other services
days-ago = { $n } days ago
today = today
uptime = { $percent } % uptime in { $n ->
    [one] 1 day
   *[other] { $n } days
}
uptime-none = Nothing known yet
days-with-problems = { $n ->
    [one] 1 day with trouble or gaps
   *[other] { $n } days with trouble or gaps
}
day-line = { $date }: { $what }
bars-alt = The last { $n } days, one bar a day. With problems: { $bad }. Not fully seen: { $unseen }. Not recorded: { $none }.
latency-alt = Median answer time in the last 24 hours: between { $low } and { $high }.
group-fine = { $n ->
    [one] Working
   *[other] All { $n } working
}
group-trouble = { $bad } of { $n }: { $status }
and-more = { $n ->
    [one] and 1 more
   *[other] and { $n } more
}
formula = Uptime = 1 − (time down + 0.3 × time partly down) ÷ time known. Time that we could not see counts neither as up nor as down. Slow times and planned work count as up.
how-bars = One bar is one day; the higher, the worse. A bar with a break was not seen for a part of the day. A dot is a day that we did not see at all.

checked = Last checked at { $time }
checked-ago = Checked %
net-off = No connection to the status page. What you see is from %.
net-old = No fresh news since %. What has happened since, we do not know.
copy = This is a copy, made { $time }. It does not change by itself.
copy-age = (%)

incidents-open = What is going on
incidents-more = { $n ->
    [one] 1 more open incident
   *[other] { $n } more open incidents
}
incident-now = Now
incident-affected = Affected
incident-began = Began
incident-ended = Ended
incident-lasted = lasted { $time }
incident-ongoing = still going on
corrected-from = corrected; we first said
eta = Likely over
eta-none = No estimate yet
eta-computed = Most outages like this are over by { $by } (4 of 5), half by { $half }.
eta-computed-bare = Most outages like this are over by { $by } (4 of 5).
eta-person = Our team expects it to be over by { $by }.
eta-passed = It was expected to be over by { $by }. It is not.
eta-taken-back = Our team gives no time for its end.
eta-before = Before, we said by
eta-before-passed = Given before, passed, and it was not over:
eta-basis = { $alike ->
    [0] Computed from { $own } earlier incidents here.
   *[other] Computed from { $own } earlier incidents here, { $alike } of them of the same service.
}
eta-basis-others = Computed from { $own } earlier incidents here and from published outages of other operators.
eta-record = { $held } of the last { $given } such times held.
eta-record-people = { $held } of the last { $given } times that our team gave held.
etas = Times we gave for its end
eta-given = by { $by } (4 of 5)
eta-given-person = by { $by }, from our team
eta-held = held
eta-late = too early
next-update = Next update
next-by = by
next-missed = We promised an update by { $due } and missed it.
update-was = Corrected. Before:
updates-more = { $n ->
    [one] 1 earlier update
   *[other] { $n } earlier updates
}
by-automatic = automatic
by-person = written by our team
promises = Updates we promised
promise-open = open
promise-kept = kept
promise-missed = missed
promise-withdrawn = withdrawn: it is part of another incident, whose promise stands
preventions = So that it does not happen again
prevention-due = by { $due }
prevention-overdue = overdue since { $due }
prevention-done = done on { $date }
prevention-dropped = given up on { $date }, not done
prevention-late = done on { $date }, due by { $due }

maintenance = Planned work
maintenance-expect = What to expect
maintenance-late = It is taking longer than planned.
past-recent = Recently over
history-empty = Nothing has been recorded yet.
history-limit = Older incidents stay at their own addresses.

contact = Need a person?
contact-chat = Chat with us
footer-zone = Times are in { $zone }.
powered-by = Powered by Stillhere
not-found = There is no such page
not-found-more = It may have been mistyped. The status of all services is here:
