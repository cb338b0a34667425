"""The error that ends a build step."""


class FatalError(Exception):
    def __init__(self, msg=''):
        self.msg = msg
        super().__init__(msg)
