from django.urls import path

from capacity import blocking, crossings, streams

urlpatterns = [
    path("streams/generator/", streams.generator),
    path("streams/asynchronous/", streams.asynchronous),
    path("blocking/", blocking.blocks),
    path("blocking/waits/", blocking.waits),
    path("crossings/", crossings.crosses),
    path("crossings/loops/", crossings.loops),
]
