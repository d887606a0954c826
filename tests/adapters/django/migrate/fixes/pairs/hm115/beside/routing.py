from shop import models

websocket_urlpatterns = [models]
