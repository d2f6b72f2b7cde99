# 单个事件的页面。仅随其加载。

# 备注
note-write = 写备注
note-text = 内部备注
note-more = 只有能登录这里的人看得到。不出现在任何公开页面、消息或公开记录里。
note-keep = 保存备注
note-done = 已保存，仅内部可见。
note-staff = 仅内部可见
note-by = { $name } 的备注
note-out = 删去
note-out-do = 是，永久删去
note-out-done = 内容已删去。曾有过备注这一点仍会保留。
note-was-out = { $name } 于 { $time } 删去了内容。
note-left = 比备注的上限多 { $n } 个字符
