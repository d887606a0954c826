"""A small Django project as `startproject` lays one out, with views of each kind."""
