from django.urls import include, path
from rest_framework.routers import SimpleRouter

from breaks import classes, database, decorated, loops, requests, signals

router = SimpleRouter()
router.register("orders", classes.Orders, basename="orders")
router.register("run", classes.Run, basename="run")

urlpatterns = [
    path("requests/environ/", requests.environ_of_argument, name="environ"),
    path("requests/environ/<int:pk>/", requests.environ_of_annotated),
    path("requests/class/", requests.Environ.as_view()),
    path("requests/asks/", requests.asks_first),
    path("requests/early/", requests.left_early),
    path("requests/caught/", requests.is_caught),
    path("requests/keys/", requests.server_keys),
    path("decorated/stamp/", decorated.behind_stamp),
    path("decorated/limit/", decorated.behind_limit),
    path("decorated/both/", decorated.behind_both),
    path("decorated/registered/", decorated.behind_registered),
    path("decorated/django/", decorated.behind_djangos),
    path("decorated/run/", decorated.run_on_purpose),
    path("decorated/run/stamp/", decorated.run_around_stamp),
    path("decorated/synchronous/", decorated.synchronous),
    path("database/queries/<int:pk>/", database.queries, name="queries"),
    path("database/saves/", database.saves),
    path("database/lazy/", database.lazy_parts),
    path("database/asynchronous/<int:pk>/", database.asynchronous),
    path("database/synchronous/<int:pk>/", database.synchronous),
    path("database/transactions/<int:pk>/", database.transactions),
    path("database/decorated/", database.decorated),
    path("classes/asynchronous/", classes.Asynchronous.as_view()),
    path("classes/touched/", classes.Touched.as_view()),
    path("classes/exempt/", classes.Exempt.as_view()),
    path("classes/api/", classes.AsynchronousAPI.as_view()),
    path("classes/post/", classes.PostAlone.as_view()),
    path("classes/api/run/", classes.run_api),
    path("classes/api/permitted/", classes.permitted_api),
    path("classes/api/synchronous/", classes.SynchronousAPI.as_view()),
    path("classes/", include(router.urls)),
    path("signals/", signals.with_time_limit),
    path("signals/main/", signals.in_main_thread_alone),
    path("loops/asks/", loops.asks_for_loop),
    path("loops/once/", loops.runs_at_once),
    path("loops/inside/", loops.inside),
    path("loops/own/", loops.runs_its_own),
    path("loops/ready/", loops.is_ready),
    path("loops/called/", loops.not_called),
    path("loops/called/either/", loops.not_called_either),
]
