# Feeds, badges, mails and webhooks.

feed-title = { $site } status
feed-next = Next update by { $due }.
feed-span = { $from } to { $until }
feed-maintenance = { $title } ({ $status })

badge-uptime = { $name } uptime, { $n } days
badge-latency = { $name } answers in
badge-percent = { $percent } %
badge-none = not known

subject = { $what } · { $site }
subject-staff = Alert: { $what } · { $site }
subject-incident-opened = { $title }
subject-incident-updated = Update: { $title }
subject-incident-resolved = Over: { $title }
subject-promise-due = Update due by { $due }: { $title }
subject-promise-missed = Promised update missed: { $title }
subject-incident-unacknowledged = Nobody has it yet: { $title }
subject-incident-acknowledged = Taken on: { $title }
subject-prevention-overdue = Prevention overdue: { $title }
subject-maintenance-scheduled = Planned work: { $title }
subject-maintenance-started = Planned work begins: { $title }
subject-maintenance-updated = Planned work, update: { $title }
subject-maintenance-completed = Planned work done: { $title }
subject-maintenance-cancelled = Planned work called off: { $title }
subject-test = This is a test
subject-uplink-lost = Our own way out to the internet is cut
subject-uplink-back = Our own way out to the internet is back
subject-falling-behind = Our checks run late
subject-clock-jumped = The clock of our monitoring jumped
subject-certificate-ending = { $days ->
    [0] Certificate expires today: { $service }
    [one] Certificate expires in 1 day: { $service }
   *[other] Certificate expires in { $days } days: { $service }
}

lead-promise-due = We promised the next update by { $due }. It has not been written yet.
lead-promise-missed = We promised an update by { $due } and missed it. The page says so.
lead-incident-unacknowledged = It began at { $time }, and nobody has taken it on yet.
lead-incident-acknowledged = { $who } took it on at { $time }. You need not do anything.
lead-prevention-overdue = { $what }: { $owner } was to do it by { $due }, and it is not marked as done.
lead-maintenance-cancelled = This will not take place. Nothing will change for you.
lead-test = This is a test of this channel, sent from the console at { $time }. Nothing has happened.
lead-uplink-lost = Since { $time } our monitoring has not been able to reach the internet. Until it can, services are shown as “we cannot see”. No service is blamed.
lead-uplink-back = Since { $time } our monitoring can reach the internet again and looks at everything anew.
lead-falling-behind = At { $time } checks were running later than their interval. There are too many for this machine, or it is short of processor time.
lead-clock-jumped-forth = At { $time } the clock went forward by { $by }. Waiting times are not affected; please look at the time synchronisation.
lead-clock-jumped-back = At { $time } the clock went back by { $by }. Waiting times are not affected; please look at the time synchronisation.
lead-certificate-ending = A certificate of { $service } (check { $check }) expires soon. Clients will refuse to connect once it has.
lead-gone = It is no longer on the page. What is known is at the address below.

mail-affected = Affected: { $services }
mail-affected-one = { $name } ({ $status })
mail-began = Began: { $time }
mail-lasted = Lasted: { $time }
mail-next = Next update by: { $time }
mail-acknowledged = Taken on by: { $who }, { $time }
mail-when = { $from } to { $until }
mail-act = Take it on, or publish the next update. This link is yours alone, and needs no login:
mail-link = Everything we know, always current:
chat-open = Everything we know, always current
mail-contact = Need a person?
mail-why = You receive this because a channel of { $site } status is set to this address.
