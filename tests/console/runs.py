"""Documents that the console's tests run, and words for what is looked at."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page

DIAMOND = """
  - name: main
    dag:
      tasks:
      - {name: load, template: make}
      - {name: left, template: say, depends: load, arguments: {parameters: [{name: word, value: L}]}}
      - {name: right, template: say, depends: load, arguments: {parameters: [{name: word, value: R}]}}
      - {name: join, template: say, depends: left && right, arguments: {parameters: [{name: word, value: J}]}}
  - name: make
    container:
      image: busybox
      command: [sh, -c, 'echo loading; echo 41 > /tmp/n; mkdir /tmp/d; echo x > /tmp/d/x']
    outputs:
      parameters: [{name: count, valueFrom: {path: /tmp/n}}]
      artifacts: [{name: data, path: /tmp/d}]
  - name: say
    inputs: {parameters: [{name: word}]}
    container: {image: busybox, command: [sh, -c, 'echo said {{inputs.parameters.word}}; sleep 1']}
"""

ASKING = """
  - name: main
    steps:
    - - name: approve
        template: approve
        arguments: {parameters: [{name: metrics, value: accuracy 97 %}]}
    - - name: after
        template: say
        arguments: {parameters: [{name: word, value: "{{steps.approve.outputs.parameters.stage}}"}]}
  - name: approve
    inputs: {parameters: [{name: metrics}, {name: stage, default: "", enum: [canary, all]}]}
    outputs: {parameters: [{name: stage, valueFrom: {supplied: {}}}]}
    suspend: {}
  - name: say
    inputs: {parameters: [{name: word}]}
    container: {image: busybox, command: [echo], args: ["{{inputs.parameters.word}}"]}
"""


def workflow(name: str, templates: str, namespace: str) -> str:
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  entrypoint: main
  templates:
{templates}
"""


def box(page: Page, label: str) -> Locator:
    """A step in the graph."""
    named = re.compile(rf"^{re.escape(label)}: ")
    return page.get_by_role("group", name=named).or_(
        page.locator(f".react-flow__node[aria-label^='{label}: ']")
    ).first
