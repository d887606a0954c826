from threading import local
_state = local()
def remember(request):
    _state.request = request
