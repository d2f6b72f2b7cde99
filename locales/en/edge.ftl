# What the edge says when it answers instead of the origin. Title and detail of each reason, then the page's own words.
# Nothing is said that the edge does not know: "our fault" only where it saw so itself.

all-out-title = { $service } is not available right now
all-out-detail = It is our fault, not your connection: you have reached us, but the servers that should answer you do not.
paused-title = { $service } is paused for a moment
paused-detail = Our team has paused it on purpose, to work on it. Nothing is wrong with your connection.
overloaded-title = { $service } is too busy right now
overloaded-detail = More requests are coming in than we can serve at once. It is our fault, not your connection.
queue-full-title = { $service } is too busy right now
queue-full-detail = More requests are coming in than we can serve, and the queue is full as well. It is our fault, not your connection.
too-many-requests-title = Too many requests in a short time
too-many-requests-detail = More requests came from your address than one visitor may make. You may share the address with others. It goes on after a short wait.
waiting-room-title = You are in the queue for { $service }
waiting-room-detail = More people want to come in than we can serve at once. Please leave this page open: it keeps your place.
waiting-room-detail-api = More people want to come in than we can serve at once. Send the ticket along to keep the place.
outcome-unknown-title = We do not know whether this was done
outcome-unknown-detail = It is our fault, not your connection: we passed on what you sent, and the connection to our server ended before its answer came.
not-forwarded-title = { $service } is not available right now
not-forwarded-detail = It is our fault, not your connection: you have reached us, but the server that should answer you could not be reached.
broken-title = The answer broke off
broken-detail = It is our fault, not your connection: our server began to answer and did not finish. Asking again does no harm.
too-slow-title = { $service } takes too long to answer
too-slow-detail = It is our fault, not your connection: our server has taken the request and has not answered in time.
kept-title = We have kept what you sent
kept-detail = { $service } is not available right now. It is our fault, not your connection.
body-too-large-title = What you sent is too large
body-too-large-detail = It is larger than what may be sent to this address.
head-too-large-title = The head of the request is too large
head-too-large-detail = Deleting the cookies of this site often helps.
request-timeout-title = Your request did not arrive in time
request-timeout-detail = It began to arrive and did not finish. A slow connection can be the reason. Please try again.
bad-request-title = This request cannot be understood
bad-request-detail = It does not follow the rules of HTTP.
bad-request-detail-api = It does not follow the rules of HTTP: { $violation }.
not-routed-title = There is nothing at this address
not-routed-detail = It may have been mistyped, or the page may have moved.
key-in-flight-title = This is being done right now
key-in-flight-detail = The same request is under way already. Please do not send it another time; its answer comes there.
key-other-body-title = This key belongs to another request
key-other-body-detail = The same Idempotency-Key came before with other content. Take a new key for a new request.
key-needed-title = An Idempotency-Key is missing
key-needed-detail = Requests to this address must carry an Idempotency-Key, so that they are done only once.
key-malformed-title = The Idempotency-Key cannot be read
key-malformed-detail = It must be one quoted string, such as "8e03978e-40d5-43dd-bc93-6894a57f9324".
banned-title = No access from your address
banned-detail = Requests from your address are blocked here. If you think that this is a mistake, please talk to us.

this-page = This page
this-service = The service

# What we saw ourselves, with the time of it.
seen-all-out = At { $time } we could not reach { $service }, and it has not answered since.
seen-all-out-bare = At { $time } we could not reach the servers behind this page, and they have not answered since.
seen-paused = Our team has paused it since { $time }.
seen-overloaded = Since { $time } more requests have come for { $service } than it can do.
seen-overloaded-bare = Since { $time } more requests have come than the servers behind this page can do.
notice-said-well = The last word of our checks, from { $time }, was that all is well. We see for ourselves that it is not.
notice-old = Our last news is from { $time } ({ $age } ago). What has happened since, we do not know.
notice-none = We have no news about it here yet.

# What became of what the visitor sent.
sent-title = What you sent
sent-not = It did not reach our servers, so nothing was done. You can send it again when they are back.
sent-unknown = It may have been done, or not: nobody here knows yet. Please do not simply send it again; check first whether it was done.
kept-saved = It is saved here and is passed on once, as soon as the service is back. Please do not send it again.
kept-sending = It is saved here and is being passed on right now. Please do not send it again.
kept-unknown = It was passed on, and the answer is missing. We are checking. Please do not send it again.
kept-done = It was received and done. You do not need to send it again.
kept-refused = It was received, and our server has refused it. Nothing more happens with it.
kept-needs-you = It has not been done: our server wants you to log in first. Please go back, log in and send it again.
kept-expired = It could not be passed on in time and was not done. You can send it again.

# The lines of the list.
fact-since = Since
fact-back = Expected back
fact-next = Next update
fact-ahead = People before you
fact-turn = Your turn
fact-waited = We waited
fact-works = Not affected
eta-none = No estimate yet
eta-computed = most outages like this are over by { $time } (4 of 5)
eta-team = our team expects it by { $time }
eta-passed = It was expected by { $time } and is taking longer.
eta-plan = by { $time }, as planned
eta-plan-late = It was planned until { $time } and is taking longer.
turn-about = in about { $time }
by-time = by { $time }
works = { $names } (as of { $time })
works-more = { $names } and { $count } more (as of { $time })
news-at = Written at { $time }

# The live line.
live-wait = This page keeps looking and brings you back by itself.
live-wait-post = This page keeps looking whether it answers again.
live-queue = You come in by yourself when it is your turn.
live-limit = It goes on by itself after a short wait.
live-looked = Last looked at %
live-back = It answers again.
live-back-in = You are back in % s.
live-lost = Your device cannot reach us right now. That may be your own connection. This page keeps trying.
no-script = This page loads again by itself in about { $seconds } s.
go-back = Back to where you were

status-page = Status of all services
reference = Reference: { $id }
