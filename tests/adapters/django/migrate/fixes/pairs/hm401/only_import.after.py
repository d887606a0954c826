from asgiref.local import Local

_state = Local()
def remember(request):
    _state.request = request
