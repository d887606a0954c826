"""HM112: nothing imports this."""

from gevent import monkey

monkey.patch_all()  # HM112


class monkeys:
    def patch_all(self):
        return self


monkeys().patch_all()  # not HM112


def patch():
    monkey.patch_thread()  # HM112


patch()
