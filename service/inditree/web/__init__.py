"""The web endpoint of a listener: the page, JSON and XML over WebSocket, images by URL. Rules: docs/web.md."""
