# After an incident: the post-mortem, and what is done so that it does not happen again. Loaded with those pages alone.

pm-about = What happened and why, for everybody. The record has filled in what it knows; you write what only people know. Nothing is public before you publish it.
pm-open = It is not over yet. You can begin to write; it can be published when it is called over.
pm-ask = What only you know
pm-in = { $head }, { $language }
pm-leave-out = Leave this out
pm-left-out = { $head }: left out
pm-out = left out
pm-put-in = Put it in again
pm-facts = What the record knows
pm-facts-more = It stands in the text as it is. Open a part to change its words or to leave it out.
pm-lines = { $n ->
    [one] 1 line
   *[other] { $n } lines
}
pm-missing = { $n ->
    [one] 1 field is still empty: write it, or leave its part out.
   *[other] { $n } fields are still empty: write them, or leave their parts out.
}
pm-nothing = Write at least one language.
pm-too-long = { $language }: { $n ->
    [one] 1 character more than an update can have
   *[other] { $n } characters more than an update can have
}. Leave a part out, or shorten it.
pm-publish = Publish the post-mortem
pm-published = The post-mortem is published: it is on the page of the incident and in the feeds, and on its way to those who subscribed.
pm-again = Write another one
pm-reword = To put its words right, use “Reword” at it in the timeline of the incident.
pm-read-only = Responders write it.

pv-about = What is done so that an incident does not happen again: by whom, and by when. Staff are told when its day passes.
pv-none = Nothing is left to do.
pv-none-here = Nothing is noted yet.
pv-add = Note something to do
pv-what = What is done, { $language }
pv-owner = Who does it
pv-owner-more = only staff read it
pv-due = By when
pv-public = Visitors read what is done, by when, and whether it was
pv-keep = Note it
pv-noted = Noted.
pv-change = Change
pv-change-keep = Keep the change
pv-changed = Changed.
pv-done = It is done
pv-was-done = Done. Well done.
pv-undone = Not done after all
pv-drop = Give up on it
pv-drop-do = Yes, it will not be done
pv-was-dropped = Given up on. It stays on the record, and counts as not done.
pv-take-up = Take it up again
pv-by = by { $time }
pv-overdue = overdue since { $time }
pv-done-at = done { $time }
pv-dropped-at = given up on { $time }
pv-seen = visitors see it
pv-hidden = only staff
