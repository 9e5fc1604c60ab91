"""Acumos' compositions: CDUMP (the editor's document) and blueprint (what runs), and what becomes of them.

`solution` is what both say; `cdump` and `plan` read and write them; `proto` and `signature` say which ports
fit; `judging` is Acumos' validation; `lowering` makes KServe and Argo documents, `deploying` the
orchestrator's Deployment, `lifting` leads back. Pure. Callers: `api/authoring`, `cli/acumos`. Source:
acumos/design-studio 3.0.6, and the successors of its orchestrator (Eclipse Graphene).
"""
