from breaks.models import Order

sockets = [Order]
