import threading

from apscheduler.schedulers.background import BackgroundScheduler

scheduler = BackgroundScheduler()
scheduler.start()  # HF306


def create_app_with_thread():
    threading.Thread(target=print, daemon=True).start()  # HF306


def once(job):
    worker = threading.Thread(target=job)
    worker.start()  # not HF306
    worker.join()


if __name__ == "__main__":
    scheduler.start()  # not HF306
