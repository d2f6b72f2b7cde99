# The page behind a link in a staff mail.

act-as = You act as { $who }. This link is good until { $until }, for this incident alone.
act-began = Began
act-affected = Affected
act-seen = What our checks see
act-origin = Suspected origin
act-said = Last said
act-next = Promised
act-next-due = the next update by { $due }
act-next-none = nothing at the moment
act-has = Who has it
act-has-nobody = nobody yet
act-has-who = { $who }, since { $time }
act-take = I have it
act-take-note = The others are told, and only you are reminded of what was promised.
act-taken = You took it on at { $time }.
act-write = The next update
act-write-note = A draft from what is known. Change it so that it is true; everybody reads it at once, and it promises the next one.
act-text = Text in { $language }
act-status = Status
act-within = Next update within
act-minutes = { $n ->
    [one] 1 minute
   *[other] { $n } minutes
}
act-publish = Publish to everybody
act-used = An update was published with this link at { $time }. The next mail brings another link.
act-over = It has been over since { $time }. There is nothing left to do here.
act-page = The public page

act-problem-unknown = This link is not one of ours, or it was cut off on the way. Please open it from the mail itself.
act-problem-expired = This link has expired. The newest mail about this incident has one that works.
act-problem-revoked = This link was revoked. The newest mail about this incident may have one that works.
act-problem-used = An update was already published with this link. Nothing was published twice.
act-problem-not-staff = Alerts are no longer sent to the address that this link belongs to, so it does nothing any more.
act-problem-empty = Nothing was published: please write a text in at least one language.
act-problem-refused = Nothing was published: { $why }
act-problem-later = Nothing was changed: we could not write it down. Please try again.
act-problem-title = This link does nothing any more

draft-partial_outage = Since { $time }, not everything works with { $services }. We know of it and are working on it.
draft-major_outage = Since { $time }, { $services } cannot be used. We know of it and are working on it.
draft-degraded_performance = Since { $time }, { $services } can only be used slowly. We know of it and are working on it.
draft-other = There has been a problem since { $time }. We know of it and are working on it.
draft-origin = As far as we can see, { $origin } is the origin.
draft-no-cause = We do not know the cause yet.
draft-recovering = { $services }: back, as far as we can see. We are watching whether it stays so.
draft-still = We are still working on it. { $services }: { $status } since { $time }.
