# The page of one incident. Loaded with it alone.

# Afterwards
postmortem = Post-mortem
preventions = So that it does not happen again

# Notes
note-write = Write a note
note-text = A note for staff
note-more = Only those who may sign in here read it. It is on no page, in no message, and not in the public record.
note-keep = Keep the note
note-done = Kept. Only staff read it.
note-staff = Only staff
note-by = { $name }’s note
note-out = Take out
note-out-do = Yes, for good
note-out-done = The words are gone. That there was a note stays.
note-was-out = Taken out by { $name }, { $time }.
note-left = { $n ->
    [one] 1 character more than a note can have
   *[other] { $n } characters more than a note can have
}

# Whom it meets
reach = Who is affected
reach-subscribers = Told about it
reach-mail = { $n } by mail
reach-webhook = { $n } by webhook
reach-push = { $n } in their browser
reach-daily = of them once a day: { $n }
reach-nobody = nobody: no subscriber wants to hear of these services
reach-hidden = nobody: visitors do not see it
reach-pages = Status pages open now
reach-pages-more = on this server, whatever their readers came for
reach-needed = Need what is affected
reach-needed-none = no other service, as far as it was configured
reach-requests = Requests since { $time }
reach-requests-until = Requests from { $time } to { $end }
reach-answered = answered
reach-failed = answered with an error
reach-told = answered by the edge, because no server could
reach-stale = answered from what the edge had kept
reach-held = waited; how they ended is among the others
reach-no-edge = { $service }: no edge stands before it, so we cannot count its visitors.
reach-not-counted = { $service }: not counted; Stillhere has counted only since { $time }.
reach-later = Counted from then on alone; it began at { $time }.
reach-silent = { $n ->
    [one] 1 of { $of } edges is silent: what it does now is not in here.
   *[other] { $n } of { $of } edges are silent: what they do now is not in here.
}
reach-about = Requests, not people: nothing is kept by which one could be told from another.
