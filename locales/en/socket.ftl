# Why a WebSocket is closed, or waits. At most 123 bytes each: the room of a Close frame.

socket-origin-gone = Our server ended unexpectedly. It is our fault; connect again and you reach another one.
socket-origin-away = Our servers cannot be reached right now. It is our fault, not your connection.
socket-overloaded = More people are here than our servers can take. Please try again in a moment.
socket-edge-restarts = We are being updated. Connect again in a moment.
socket-idle = Nothing was said here for a long time. Connect again when you need it.
socket-too-many = More connections are open than we can keep. Please try again in a while.
