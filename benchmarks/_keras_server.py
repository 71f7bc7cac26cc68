"""The same model behind a plain FastAPI handler that calls Keras's predict: what people write first. Run as a script."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI

import narrows


def main(bundle: str, port: int) -> None:
    """Serve a bundle's encoder."""
    encoder = narrows.load(bundle).encoder_
    encoder.predict(np.zeros((1, encoder.input_shape[-1]), np.float32), verbose=0)  # compiles
    app = FastAPI()

    # On JAX predict fails in FastAPI's threads ("'NoneType' object is not callable"): it is called in the loop, one request after another.
    @app.post("/encode")
    async def encode(body: dict[str, Any]) -> dict[str, Any]:
        return {"codes": encoder.predict(np.array(body["rows"], np.float32), verbose=0).tolist()}

    uvicorn.run(app, port=port, log_level="error")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
