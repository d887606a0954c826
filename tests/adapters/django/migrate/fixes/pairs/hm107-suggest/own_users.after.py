"""Something else sets the user."""


def middleware(get_response):
    def inner(request):
        request.user = None
        return get_response(request)

    return inner


async def view(request):
    return request.user  # left alone: shop/code.py:6 sets request.user
