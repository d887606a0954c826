from gevent import monkey

monkey.patch_all()  # not HF104: no other server imports this

worker_class = "geventwebsocket.gunicorn.workers.GeventWebSocketWorker"  # HF301
workers = 2  # not HF301
