"""Programs made from seeds, linked with their libraries as built and with what the engine makes of them:
both must say the same."""
