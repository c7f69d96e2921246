"""The REST API: what an application's own form speaks to (docs/api.md). A face like the pages, over the same flow."""
