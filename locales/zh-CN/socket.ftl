# WebSocket 关闭或等待的原因。每条最多 123 字节：关闭帧只有这么大。

socket-origin-gone = 我们的服务器意外中断，是我们的问题。请重新连接，会转到另一台服务器。
socket-origin-away = 目前无法连接到我们的服务器。是我们的问题，不是您的网络。
socket-overloaded = 访问的人太多，我们的服务器暂时忙不过来。请稍后再试。
socket-edge-restarts = 我们正在更新，请稍后重新连接。
socket-idle = 这里已很久没有数据往来。需要时请重新连接。
socket-too-many = 打开的连接太多，暂时无法保持。请稍后再试。
