# The page of one incident. Loaded with it alone.

# Notes
note-write = Write a note
note-text = A note for staff
note-more = Only who may sign in here reads it. It is on no page, in no message, and not in the public record.
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
