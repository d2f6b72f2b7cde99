# What an update says when no person wrote it, and titles made from the services' names.

said-opened = { $services }: our checks see a problem. { $finding }
said-opened-several = { $services }: our checks see a problem. Seen at { $service }: { $finding }
said-opened-bare = { $services }: there is a problem.
said-joined = Also affected: { $services }.
said-worse = { $service } is worse: { $status }. { $finding }
said-worse-bare = { $service } is worse: { $status }.
said-better = { $service } is better: { $status }.
said-origin-found = It started with { $origin }; what depends on it is affected too.
said-origin-found-bare = It started with a service that others depend on.
said-recovering = Our checks are good again. We watch for { $time } before we call it over.
said-resolved = It is over. It lasted { $time }.
said-reopened = It is back. Affected: { $services }. { $finding }
said-reopened-several = It is back. Affected: { $services }. Seen at { $service }: { $finding }
said-reopened-bare = It is back. Affected: { $services }.
said-unstable = It comes and goes: { $changes } changes in { $time }. We keep this open until it is stable.
said-promise-missed = We promised an update by { $due } and missed it.
said-lost-sight = We cannot see the affected services any more. That does not mean it is over.
said-start-corrected = Correction: it began at { $to }, not at { $from }.
said-start-corrected-note = Correction: it began at { $to }, not at { $from }. { $note }
said-end-corrected = Correction: it ended at { $to }, not at { $from }.
said-end-corrected-note = Correction: it ended at { $to }, not at { $from }. { $note }
said-text-corrected = An earlier update was corrected. Before: “{ $from }” Now: “{ $to }”
said-merged-into = This turned out to be part of “{ $title }”. The story goes on there.
said-merged-into-bare = This turned out to be part of an older incident. The story goes on there.
said-rescheduled = Moved: now from { $from } to { $until }.

rest-is-at = The rest is on the page: { $url }
some-service = a service

title-operational = { $services }: incident
title-under_maintenance = { $services }: incident
title-unknown = { $services }: incident
title-degraded_performance = { $services }: slow or unreliable
title-partial_outage = { $services }: partly down
title-major_outage = { $services }: down
title-bare = Incident
