# Subscribing: the form, its pages, and the letters about it.

sub-title = Be told
sub-lead = By e-mail, when something breaks, when we know more, and when it is over. First we send one mail with a link to confirm.
sub-address = E-mail address
sub-send = Send me updates
sub-choose = Choose services and more
sub-feeds = Without an address:
sub-calendar = Calendar of planned work
sub-what = What
sub-language = Language
sub-services = Services
sub-services-all = All of them if none is ticked.
sub-least = Incidents
sub-least-none = All
sub-least-minor = Slow or worse
sub-least-major = Partly down or worse
sub-least-critical = Only when something is down
sub-maintenance = Planned work too
sub-pace = How often
sub-pace-instant = At once, one message each
sub-pace-daily = Once a day, all in one mail
sub-hook-title = For programs: a webhook
sub-hook-lead = We send a signed POST to an https address of yours. The first one holds a link; nothing more comes until it is confirmed.
sub-hook-address = Address
sub-hook-send = Add webhook
sub-bad-address = This is not an address that we can write to. Please look at it again.
sub-too-many = Too many requests came from your network. Please try again in an hour.
sub-unavailable = We could not write this down just now. Nothing was changed; please try again in a minute.
sub-sent = Look into your mailbox
sub-sent-more = If everything is right with the address, a mail is on its way. Only its link starts the updates. If none comes, look into the spam folder; for each address we send a few such mails a day at most.
sub-sent-hook = Look at what your address receives
sub-sent-hook-more = If everything is right with the address, a POST is on its way. Only the link in it starts the updates.
sub-confirm = Start the updates?
sub-confirm-more = Please confirm that { $address } wants to be told about { $site }.
sub-confirm-button = Yes, start
sub-confirm-not = If it was not you, close this page. Nothing more will come, and the address is forgotten within a day.
sub-confirmed = The updates have started
sub-manage = Your updates
sub-manage-more = They go to { $address }.
sub-save = Save
sub-saved = Saved.
sub-leave = Stop the updates
sub-leave-title = Stop the updates?
sub-leave-more = { $address } will get nothing more, and we forget the address.
sub-left = The updates have stopped
sub-left-more = We have forgotten your address. You can come back at any time.
sub-export = Everything we know about this subscription, as a file
sub-gone = This link is not valid any more
sub-gone-more = It was used after its time, or the subscription has ended. You can subscribe again.
sub-full = We cannot take more subscribers at the moment. Feeds and this page are open to everybody.

letter-confirm-subject = Confirm: updates about { $site }
letter-confirm-lead = Somebody, we hope you, asked us to send updates about { $site } to this address. To start them, open this page and press the button:
letter-confirm-not = If it was not you, do nothing: no more mails will come, and your address is forgotten within a day.
letter-known-subject = You already get updates about { $site }
letter-known-lead = Somebody, perhaps you, asked for updates about { $site } to this address. They come already. You can change or stop them here:
letter-why = You get this mail because you asked for updates about { $site }.
letter-manage = Change or stop the updates:
letter-digest-subject = { $n ->
    [one] 1 update
   *[other] { $n } updates
} in the last day · { $site }
letter-digest-lead = What { $site } said in the last day, oldest first:
