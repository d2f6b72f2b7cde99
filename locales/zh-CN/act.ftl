# 值班邮件中链接所指向的页面。

act-as = 您以 { $who } 的身份操作。此链接仅用于本次事件，有效期至 { $until }。
act-began = 开始
act-affected = 受影响
act-seen = 我们的检查所见
act-origin = 疑似源头
act-said = 最近一次说明
act-next = 已承诺
act-next-due = 在 { $due } 之前发布下一次更新
act-next-none = 目前没有
act-has = 接手人
act-has-nobody = 暂无
act-has-who = { $who }，自 { $time } 起
act-take = 由我接手
act-take-note = 其他人会收到通知，之后只提醒您一人兑现承诺。
act-taken = 您已于 { $time } 接手。
act-write = 下一次更新
act-write-note = 草稿由已知情况生成。请修改到属实为止；发布后所有人立即可见，并承诺下一次更新的时间。
act-text = { $language }内容
act-status = 状态
act-within = 下一次更新不晚于
act-minutes = { $n } 分钟后
act-publish = 向所有人发布
act-used = 已用此链接于 { $time } 发布更新。下一封邮件会带有新的链接。
act-over = 事件已于 { $time } 结束，此处无需再做什么。
act-page = 公开状态页

act-problem-unknown = 此链接不是由我们签发，或在途中被截断。请直接从邮件中打开。
act-problem-expired = 此链接已过期。关于本次事件的最新邮件中有可用的链接。
act-problem-revoked = 此链接已被撤销。关于本次事件的最新邮件中可能有可用的链接。
act-problem-used = 已用此链接发布过更新，没有重复发布。
act-problem-not-staff = 警报已不再发送到此链接所属的地址，因此它不再有效。
act-problem-empty = 没有发布：请至少用一种语言填写内容。
act-problem-refused = 没有发布：{ $why }
act-problem-later = 没有任何改动：暂时无法保存，请再试一次。
act-problem-title = 此链接已不再有效

draft-partial_outage = 自 { $time } 起，{ $services } 部分无法使用。我们已知晓，正在处理。
draft-major_outage = 自 { $time } 起，{ $services } 无法使用。我们已知晓，正在处理。
draft-degraded_performance = 自 { $time } 起，{ $services } 响应缓慢。我们已知晓，正在处理。
draft-other = 自 { $time } 起出现故障。我们已知晓，正在处理。
draft-origin = 就目前所见，源头是 { $origin }。
draft-no-cause = 原因尚不清楚。
draft-recovering = { $services } 已恢复响应。我们正在观察是否稳定。
draft-still = 我们仍在处理。{ $services }：自 { $time } 起{ $status }。
