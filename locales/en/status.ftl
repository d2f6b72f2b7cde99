# The words for states, and the one line about everything.

status-operational = Working
status-under_maintenance = Planned work
status-unknown = We cannot see
status-degraded_performance = Slow or unreliable
status-partial_outage = Partly down
status-major_outage = Down

# "12 Nov: down for 2 h" in the list of days
day-operational = working
day-under_maintenance = planned work for { $time }
day-unknown = not seen for { $time }
day-degraded_performance = slow or unreliable for { $time }
day-partial_outage = partly down for { $time }
day-major_outage = down for { $time }
day-corrected = corrected later

headline-operational = All services are working
headline-maintenance = Planned work in progress
headline-unknown = We cannot see everything right now
headline-unknown-all = We cannot see our services right now
headline-unknown-none = Nothing is watched yet
headline-no-fresh-news = No fresh news since { $time }
headline-degraded = Some services are slow or unreliable
headline-partial = Some services are not working
headline-major = Major outage

headline-operational-more = Everything we watch answers as it should.
headline-unknown-more = What we cannot see may be working or not. We do not know, so we do not say.
headline-unknown-none-more = Services show up here as soon as there are any.
headline-no-fresh-news-more = What you see here is from then. We do not know what has happened since.
headline-not-you = Our own checks see it too, so it is not your connection.

count-operational = { $n ->
    [one] 1 is working
   *[other] { $n } are working
}
count-under_maintenance = { $n ->
    [one] 1 is in planned work
   *[other] { $n } are in planned work
}
count-unknown = { $n ->
    [one] 1 we cannot see
   *[other] { $n } we cannot see
}
count-degraded_performance = { $n ->
    [one] 1 is slow or unreliable
   *[other] { $n } are slow or unreliable
}
count-partial_outage = { $n ->
    [one] 1 is partly down
   *[other] { $n } are partly down
}
count-major_outage = { $n ->
    [one] 1 is down
   *[other] { $n } are down
}
count-of = { $of ->
    [one] Of 1 service: { $counts }.
   *[other] Of { $of } services: { $counts }.
}
count-all-operational = { $n ->
    [one] The service is working.
    [2] Both services are working.
   *[other] All { $n } services are working.
}
count-all-under_maintenance = { $n ->
    [one] The service is in planned work.
    [2] Both services are in planned work.
   *[other] All { $n } services are in planned work.
}
count-all-unknown = { $n ->
    [one] We cannot see the service.
    [2] We cannot see either of our services.
   *[other] We cannot see any of our { $n } services.
}
count-all-degraded_performance = { $n ->
    [one] The service is slow or unreliable.
    [2] Both services are slow or unreliable.
   *[other] All { $n } services are slow or unreliable.
}
count-all-partial_outage = { $n ->
    [one] The service is partly down.
    [2] Both services are partly down.
   *[other] All { $n } services are partly down.
}
count-all-major_outage = { $n ->
    [one] The service is down.
    [2] Both services are down.
   *[other] All { $n } services are down.
}

incident-status-investigating = Looking into it
incident-status-identified = Cause known
incident-status-monitoring = Better, being watched
incident-status-resolved = Over
incident-status-postmortem = Over, looked back at

doing-investigating = The cause is not known yet.

maintenance-status-scheduled = Planned
maintenance-status-in_progress = In progress
maintenance-status-verifying = Being checked
maintenance-status-completed = Done
maintenance-status-cancelled = Called off

expect-operational = You should not notice anything.
expect-under_maintenance = The services may not be available in this time.
expect-unknown = We may not be able to see the services in this time.
expect-degraded_performance = The services may be slow or unreliable in this time.
expect-partial_outage = Parts of the services will not be available in this time.
expect-major_outage = The services will not be available in this time.


own-uplink-down = Our own way out to the internet has been cut since { $time }. Until it is back we cannot see our services; that says nothing about them.
own-falling-behind = Since { $time } our checks have been running later than they should. What you see may be older than usual.
own-store-failing = Since { $time } we see what happens but cannot write it down. The history may have a gap.
