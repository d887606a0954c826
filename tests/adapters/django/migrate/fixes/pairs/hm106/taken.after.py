from django.views import View

transaction = None


async def cart(request):  # view: default  # left alone: django.db.transaction is needed, and the name transaction
    pass


class Admin:
    async def view(self, request):  # view: default  # left alone: the view is a method
        pass
