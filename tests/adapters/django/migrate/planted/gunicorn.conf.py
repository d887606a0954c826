worker_class = "eventlet"  # HM112
bind = "127.0.0.1:8000"  # not HM408
timeout = 120  # HM408
max_requests = 0  # not HM408
