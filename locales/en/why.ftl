# Why a service has its status, and what a look found. Whole sentences; only what is known.

reason-all-up = All checks are good.
reason-partly-seen = The checks that matter most are good; { $unseen } of { $of } could not look.
reason-checks-down = { $of ->
    [one] { $finding }
   *[other] { $down } of { $of } checks fail. { $finding }
}
reason-checks-down-bare = { $of ->
    [one] Its check fails.
   *[other] { $down } of { $of } checks fail.
}
reason-checks-slow = { $of ->
    [one] { $finding }
   *[other] { $slow } of { $of } checks are slow. { $finding }
}
reason-checks-slow-bare = { $of ->
    [one] It answers more slowly than it should.
   *[other] { $slow } of { $of } checks are slow.
}
reason-dependency = It needs { $on }, which is down.
reason-dependency-bare = Something it needs is down.
reason-maintenance = Planned work is going on.
reason-beyond-maintenance = Planned work is going on, but it is worse than planned. { $finding }
reason-beyond-maintenance-bare = Planned work is going on, but it is worse than planned.
reason-declared = Our team reported this by hand; see the incident.
reason-cannot-see = Our checks could not look. { $finding }
reason-cannot-see-bare = Our checks could not look.
reason-own-uplink-down = Our own way out to the internet is cut, so we cannot look.
reason-no-fresh-news = We have had no fresh news about it for too long.
reason-not-yet-looked = We have not looked yet.
reason-no-checks = Nothing checks it automatically, and nobody has reported anything.
reason-gap = Our own monitoring was not running.

since = Since { $time }.
unstable = It comes and goes.

finding-dns-no-such-name = Its name does not exist in the DNS.
finding-dns-no-answer = Its name has no address in the DNS.
finding-dns-timeout = Looking up its name took longer than { $limit }.
finding-dns-refused = Looking up its name was refused ({ $code }).
finding-dns-unexpected = The DNS answered “{ $got }”, not “{ $expected }”.
finding-connect-refused = It refuses connections.
finding-connect-reset = It cut the connection.
finding-connect-timeout = It did not take a connection within { $limit }.
finding-unreachable = The network has no way to it.
finding-proxy-failed = The proxy on the way to it failed.
finding-proxy-failed-status = The proxy on the way to it answered { $status }.
finding-tls-handshake = A secure connection could not be agreed on.
finding-tls-timeout = Agreeing on a secure connection took longer than { $limit }.
finding-tls-untrusted = Its certificate is not trusted.
finding-tls-wrong-name = Its certificate is for another name.
finding-tls-expired = { $days ->
    [0] Its certificate has expired.
    [one] Its certificate expired 1 day ago.
   *[other] Its certificate expired { $days } days ago.
}
finding-tls-not-yet-valid = Its certificate is not valid yet.
finding-tls-revoked = Its certificate has been revoked.
finding-tls-expires-soon = { $days ->
    [0] Its certificate expires today.
    [one] Its certificate expires in 1 day.
   *[other] Its certificate expires in { $days } days.
}
finding-http-status = It answers with status { $status }.
finding-first-byte-timeout = It did not begin to answer within { $limit }.
finding-body-timeout = It did not finish its answer within { $limit }.
finding-closed-early = It broke off in the middle of its answer.
finding-malformed-answer = Its answer cannot be understood.
finding-too-many-redirects = It redirected more than { $limit } times.
finding-redirect-refused = It redirected to a place that may not be followed.
finding-body-too-large = Its answer is larger than { $limit } bytes.
finding-condition-failed = Its answer is not as expected: { $condition } ({ $actual }).
finding-slow = It took { $took }; more than { $limit } counts as slow.
finding-ping-no-reply = { $sent ->
    [one] It did not reply to a ping.
   *[other] It did not reply to any of { $sent } pings.
}
finding-ping-loss = { $lost } of { $sent } pings were lost.
finding-heartbeat-missed = Its sign of life, due { $due }, did not come.
finding-heartbeat-failed = Its last run reported a failure.
finding-heartbeat-failed-code = Its last run failed with exit code { $code }.
finding-heartbeat-too-long = Its run has not ended within { $limit }.
finding-edge-all-out = { $nodes ->
    [one] Its server takes no requests.
   *[other] None of its { $nodes } servers takes requests.
}
finding-edge-overloaded = More requests come than its servers can do.
finding-edge-errors = Its servers answer with errors: { $percent } % of the last { $answers } requests.
finding-edge-paused = It is paused by its operators, and requests wait for longer than they can.
finding-not-allowed = Our machine may not look: { $what }.
finding-own-uplink-down = Our own way out to the internet is cut.
finding-own-fault = Something failed on our monitoring side: { $what }.
finding-fell-behind = Too many looks were under way at once.
finding-not-yet-looked = We have not looked yet.
finding-no-fresh-news = There is no fresh news.
