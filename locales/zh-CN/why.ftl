# 服务为何是这个状态，以及一次检查发现了什么。完整的句子；只说已知的。

reason-all-up = 所有检查都正常。
reason-partly-seen = 最重要的检查正常；{ $of } 项检查中有 { $unseen } 项没能执行。
reason-checks-down = { $of ->
    [1] { $finding }
   *[other] { $of } 项检查中有 { $down } 项失败。{ $finding }
}
reason-checks-down-bare = { $of ->
    [1] 检查失败。
   *[other] { $of } 项检查中有 { $down } 项失败。
}
reason-checks-slow = { $of ->
    [1] { $finding }
   *[other] { $of } 项检查中有 { $slow } 项缓慢。{ $finding }
}
reason-checks-slow-bare = { $of ->
    [1] 响应比正常情况慢。
   *[other] { $of } 项检查中有 { $slow } 项缓慢。
}
reason-dependency = 它依赖的“{ $on }”中断了。
reason-dependency-bare = 它依赖的某项服务中断了。
reason-maintenance = 正在进行计划维护。
reason-beyond-maintenance = 正在进行计划维护，但情况比计划的差。{ $finding }
reason-beyond-maintenance-bare = 正在进行计划维护，但情况比计划的差。
reason-declared = 由我们的团队人工报告，详见事件。
reason-cannot-see = 我们的检查没能执行。{ $finding }
reason-cannot-see-bare = 我们的检查没能执行。
reason-own-uplink-down = 我们自己的网络出口中断，无法检查。
reason-no-fresh-news = 已经太久没有关于它的新消息。
reason-not-yet-looked = 我们还没有检查过。
reason-no-checks = 没有自动检查，也没有人报告过情况。
reason-gap = 我们自己的监测没有运行。

since = 自 { $time } 起。
unstable = 时好时坏。

finding-dns-no-such-name = 它的域名在 DNS 中不存在。
finding-dns-no-answer = 它的域名在 DNS 中没有地址。
finding-dns-timeout = 查询它的域名超过了 { $limit }。
finding-dns-refused = 查询它的域名被拒绝（{ $code }）。
finding-dns-unexpected = DNS 返回“{ $got }”，而不是“{ $expected }”。
finding-connect-refused = 它拒绝连接。
finding-connect-reset = 它切断了连接。
finding-connect-timeout = 它在 { $limit } 内没有接受连接。
finding-unreachable = 网络无法到达它。
finding-proxy-failed = 通往它的代理出错。
finding-proxy-failed-status = 通往它的代理返回了 { $status }。
finding-tls-handshake = 无法建立安全连接。
finding-tls-timeout = 建立安全连接超过了 { $limit }。
finding-tls-untrusted = 它的证书不受信任。
finding-tls-wrong-name = 它的证书属于另一个名称。
finding-tls-expired = { $days ->
    [0] 它的证书已经过期。
   *[other] 它的证书已过期 { $days } 天。
}
finding-tls-not-yet-valid = 它的证书尚未生效。
finding-tls-revoked = 它的证书已被吊销。
finding-tls-expires-soon = { $days ->
    [0] 它的证书今天到期。
   *[other] 它的证书还有 { $days } 天到期。
}
finding-http-status = 它返回状态码 { $status }。
finding-first-byte-timeout = 它在 { $limit } 内没有开始响应。
finding-body-timeout = 它在 { $limit } 内没有完成响应。
finding-closed-early = 它的响应中途断开。
finding-malformed-answer = 它的响应无法理解。
finding-too-many-redirects = 它重定向超过 { $limit } 次。
finding-redirect-refused = 它重定向到了不可跟随的地址。
finding-body-too-large = 它的响应超过 { $limit } 字节。
finding-condition-failed = 它的响应与预期不符：{ $condition }（{ $actual }）。
finding-slow = 用时 { $took }，超过 { $limit } 即视为缓慢。
finding-ping-no-reply = 发送的 { $sent } 次 ping 都没有回应。
finding-ping-loss = { $sent } 次 ping 丢失了 { $lost } 次。
finding-heartbeat-missed = 应于 { $due } 收到的心跳没有收到。
finding-heartbeat-failed = 它上一次运行报告失败。
finding-heartbeat-failed-code = 它上一次运行失败，退出码为 { $code }。
finding-heartbeat-too-long = 它的运行在 { $limit } 内没有结束。
finding-edge-all-out = { $nodes ->
    [1] 它的服务器不接受请求。
   *[other] 它的 { $nodes } 台服务器都不接受请求。
}
finding-edge-overloaded = 到来的请求多于它的服务器所能处理的数量。
finding-edge-errors = 它的服务器返回错误：最近 { $answers } 个请求中有 { $percent }% 出错。
finding-edge-paused = 它已被运营方暂停，请求等待的时间超出了限度。
finding-not-allowed = 我们的机器没有权限检查：{ $what }。
finding-own-uplink-down = 我们自己的网络出口中断。
finding-own-fault = 我们的监测这边出了问题：{ $what }。
finding-fell-behind = 同时进行的检查过多。
finding-not-yet-looked = 我们还没有检查过。
finding-no-fresh-news = 没有新消息。
