# 没有人撰写时，一条更新说什么；以及由服务名称组成的标题。

said-opened = { $services }：我们的检查发现了问题。{ $finding }
said-opened-several = { $services }：我们的检查发现了问题。在“{ $service }”看到：{ $finding }
said-opened-bare = { $services }：出现了问题。
said-joined = 同样受影响：{ $services }。
said-worse = { $service }的情况变差：{ $status }。{ $finding }
said-worse-bare = { $service }的情况变差：{ $status }。
said-better = { $service }的情况好转：{ $status }。
said-origin-found = 问题源自{ $origin }；依赖它的服务也受到影响。
said-origin-found-bare = 问题源自一项被其他服务依赖的服务。
said-recovering = 检查结果已恢复正常。我们会再观察 { $time }，然后才宣布结束。
said-resolved = 已经结束，持续了 { $time }。
said-reopened = 问题再次出现。受影响：{ $services }。{ $finding }
said-reopened-several = 问题再次出现。受影响：{ $services }。在“{ $service }”看到：{ $finding }
said-reopened-bare = 问题再次出现。受影响：{ $services }。
said-unstable = 时好时坏：{ $time } 内变化了 { $changes } 次。稳定之前我们不会宣布结束。
said-promise-missed = 我们承诺在 { $due } 之前更新，但没有做到。
said-lost-sight = 我们已无法看到受影响的服务。这并不意味着事件已经结束。
said-start-corrected = 更正：开始时间为 { $to }，而不是 { $from }。
said-start-corrected-note = 更正：开始时间为 { $to }，而不是 { $from }。{ $note }
said-end-corrected = 更正：结束时间为 { $to }，而不是 { $from }。
said-end-corrected-note = 更正：结束时间为 { $to }，而不是 { $from }。{ $note }
said-text-corrected = 之前的一条更新已更正。原文：“{ $from }” 现为：“{ $to }”
said-merged-into = 经查，这是“{ $title }”的一部分，后续请看该事件。
said-merged-into-bare = 经查，这是一个较早事件的一部分，后续请看该事件。
said-rescheduled = 时间已更改：现为 { $from } 至 { $until }。

rest-is-at = 其余内容请见页面：{ $url }
some-service = 某项服务

title-operational = { $services }：事件
title-under_maintenance = { $services }：事件
title-unknown = { $services }：事件
title-degraded_performance = { $services }：缓慢或不稳定
title-partial_outage = { $services }：部分中断
title-major_outage = { $services }：中断
title-bare = 事件
