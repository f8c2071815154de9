"""Later."""
def benches(settings):
    return iter(())
