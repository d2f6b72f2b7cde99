# Notifications in a browser: what the page of subscribing offers, and what is about the subscription itself.

sub-lead-other = When something breaks, when we know more, and when it is over.
sub-push-title = In this browser
sub-choose-push = Notifications in your browser, and more to choose
sub-push-lead = A notification at once, also while this page is closed. No address is needed. Language, incidents and services are as chosen above.
sub-push-button = Notify this browser
sub-push-wait = A test notification is on its way. The updates start when it arrives.
sub-push-slow = The test notification has not come yet. The updates start when it does; you may close this page.
sub-push-on = This browser is notified.
sub-push-change = Change or stop
sub-push-denied = This browser does not let this page notify you. You can allow it in the browser’s settings for this site.
sub-push-failed = This browser got no address for notifications. Private windows and some browsers get none.
sub-manage-browser = They go to a browser.
sub-confirm-browser = Please confirm that a browser wants to be told about { $site }.
sub-leave-browser = The browser will get nothing more, and we forget its address.

note-test-title = Updates about { $site }
note-test-body = It works: this browser is notified when something breaks, when we know more, and when it is over.
note-test-failed = The test arrived, but the updates could not be started. Please press the button on the page once more.
note-change = Change or stop
note-alert-title = Alerts of { $site }
note-alert-body = It works: this browser is alerted.
