# 订阅源、徽章、邮件与 Webhook。

feed-title = { $site } 服务状态
feed-next = 下次更新不晚于 { $due }。
feed-span = { $from } 至 { $until }
feed-maintenance = { $title }（{ $status }）

badge-uptime = { $name } { $n } 天可用率
badge-latency = { $name } 响应时间
badge-percent = { $percent }%
badge-none = 未知

subject = { $what } · { $site }
subject-staff = 警报：{ $what } · { $site }
subject-incident-opened = { $title }
subject-incident-updated = 更新：{ $title }
subject-incident-resolved = 已结束：{ $title }
subject-promise-due = 应在 { $due } 之前更新：{ $title }
subject-promise-missed = 未按承诺更新：{ $title }
subject-incident-unacknowledged = 尚无人接手：{ $title }
subject-incident-acknowledged = 已有人接手：{ $title }
subject-prevention-overdue = 预防措施逾期：{ $title }
subject-maintenance-scheduled = 计划维护：{ $title }
subject-maintenance-started = 计划维护开始：{ $title }
subject-maintenance-updated = 计划维护更新：{ $title }
subject-maintenance-completed = 计划维护完成：{ $title }
subject-maintenance-cancelled = 计划维护取消：{ $title }
subject-test = 这是一次测试
subject-uplink-lost = 我们自己的网络出口中断
subject-uplink-back = 我们自己的网络出口已恢复
subject-falling-behind = 我们的检查出现延迟
subject-clock-jumped = 监测机器的时钟发生跳变
subject-certificate-ending = { $days ->
    [0] 证书今天到期：{ $service }
   *[other] 证书还有 { $days } 天到期：{ $service }
}

lead-promise-due = 我们承诺在 { $due } 之前发布下一次更新，目前还没有人撰写。
lead-promise-missed = 我们承诺在 { $due } 之前更新，但没有做到。状态页上已如实说明。
lead-incident-unacknowledged = 故障始于 { $time }，目前还没有人接手。
lead-incident-acknowledged = { $who } 已于 { $time } 接手处理，您无需再做什么。
lead-prevention-overdue = { $what }：由 { $owner } 负责，应于 { $due } 前完成，尚未标记完成。
lead-maintenance-cancelled = 这次维护不会进行，对您没有任何影响。
lead-test = 这是 { $time } 从控制台发出的渠道测试，没有发生任何故障。
lead-uplink-lost = 自 { $time } 起，我们的监测无法访问互联网。恢复之前，各项服务显示为“无法看到”，不会判定任何服务有问题。
lead-uplink-back = 自 { $time } 起，我们的监测已能访问互联网，正在重新检查所有服务。
lead-falling-behind = { $time } 时，检查的执行晚于其间隔。可能是检查过多，或机器的处理能力不足。
lead-clock-jumped-forth = { $time } 时，时钟突然快了 { $by }。等待时间不受影响；请检查时间同步。
lead-clock-jumped-back = { $time } 时，时钟突然慢了 { $by }。等待时间不受影响；请检查时间同步。
lead-certificate-ending = { $service } 的一个证书（检查 { $check }）即将到期。到期后客户端将拒绝连接。
lead-gone = 它已不在状态页上。已知的情况请见下面的地址。

mail-affected = 受影响：{ $services }
mail-affected-one = { $name }（{ $status }）
mail-began = 开始：{ $time }
mail-lasted = 持续：{ $time }
mail-next = 下次更新不晚于：{ $time }
mail-acknowledged = 接手人：{ $who }，{ $time }
mail-when = { $from } 至 { $until }
mail-act = 接手处理，或发布下一次更新。此链接仅供您本人使用，无需登录：
mail-link = 我们所知道的一切，始终最新：
chat-open = 我们所知道的一切，始终最新
mail-contact = 需要人工帮助？
mail-why = 您收到此邮件，是因为 { $site } 状态的一个通知渠道设置为此地址。
