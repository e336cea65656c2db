"""An API service with nothing of its own: every path below /api/v1 asks for a token and says that it is there."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fakes.service import Service, guarded


def build(service: Service) -> list[Route]:
    """Return the routes."""

    async def answer(request: Request, person: str) -> Response:
        return JSONResponse({"success": True, "service": service.name, "path": request.url.path, "person": person})

    return [Route("/api/v1/{path:path}", guarded(answer), methods=["GET", "POST", "PUT", "DELETE"])]
