# 更新的开头，以及自有模板的填充项。只在撰写处加载，包含页面的每种语言。

template-looking = 正在查找
template-looking-text = 我们已知道它不正常，正在查找原因。
template-cause = 原因已明
template-cause-text = 我们已找到原因，正在处理。
template-working = 仍在处理
template-working-text = 我们仍在处理，目前还没有新的消息。
template-better = 好转，观察中
template-better-text = 应该已经恢复。我们会再观察一段时间，然后宣布结束。
template-nothing-new = 暂无新消息
template-nothing-new-text = 目前还没有新的消息。我们仍在这里，仍在处理。

# 自有模板的填充项
place-of-services = 受影响的服务
place-of-began = 开始时间
place-of-duration = 已持续多久
place-of-next_update = 承诺的下次更新时间
place-of-eta = 预计结束时间
place-about = 花括号内的内容在发布时填入：
place-none-services = { $place } 没有可填的内容：没有访客可见的服务受影响。请注明服务，或改写这句话。
place-none-next_update = { $place } 没有可填的内容：没有承诺下次更新。请选择时间，或改写这句话。
place-none-eta = { $place } 没有可填的内容：没有给出预计结束时间，或该时间已过。请先给出时间，或改写这句话。
