"""Names of platforms, kinds of libraries and licences."""


class Platform:
    LINUX = 'linux'
    WINDOWS = 'windows'
    DARWIN = 'darwin'
    ANDROID = 'android'
    IOS = 'ios'

    @staticmethod
    def is_apple(platform):
        return platform in (Platform.DARWIN, Platform.IOS)

    @staticmethod
    def is_app_platform(platform):
        return platform in (Platform.ANDROID, Platform.IOS)


class LibraryType:
    NONE = 'none'
    STATIC = 'static'
    SHARED = 'shared'
    BOTH = 'both'


class License:
    Apachev2 = 'Apache-2.0'
    MIT = 'MIT'
