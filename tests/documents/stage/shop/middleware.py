def legacy(get_response):
    """Do nothing, synchronously."""
    return get_response
