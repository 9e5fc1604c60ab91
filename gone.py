import os, json, signal, pathlib, subprocess
from playwright.sync_api import sync_playwright, expect
HOME=pathlib.Path("/tmp/s6-designa/home")
import sys; sys.path.insert(0,"/tmp/s6-designa/w/main/src")
from pinnace.home import Home
st=json.loads(Home.at(HOME).state.read_text()); print(st)
with sync_playwright() as p:
    b=p.chromium.launch(executable_path="/usr/bin/chromium",args=["--no-sandbox","--disable-gpu"])
    c=b.new_context(viewport={"width":1280,"height":800},storage_state="/tmp/s6-designa/session.json")
    pg=c.new_page(); pg.on("console",lambda m: print("SAID",m.text[:160]))
    pg.goto(f"{os.environ['BASE']}/console/vision/workflows?q=every")
    expect(pg.get_by_role("link",name="every-minute-").first).to_be_visible()
    pg.evaluate("window.__mark = 1")
    os.kill(st["processes"]["control"],signal.SIGKILL)
    try:
        expect(pg.get_by_text("The server does not answer")).to_be_visible(timeout=15000); print("banner shown"); pg.screenshot(path="/tmp/s6-designa/shots/gone.png")
    except AssertionError as e: print("no banner", str(e)[:200])
    expect(pg.get_by_text("The server does not answer")).to_have_count(0,timeout=60000); print("recovered")
    doc='{"apiVersion":"argoproj.io/v1alpha1","kind":"Workflow","metadata":{"name":"every-after-'+os.urandom(2).hex()+'"},"spec":{"entrypoint":"m","templates":[{"name":"m","container":{"image":"busybox","command":["true"]}}]}}'
    d=subprocess.run(["kubectl","create","-n","vision","-f","-"],input=doc,text=True,capture_output=True); print(d.stdout,d.stderr)
    expect(pg.get_by_role("link",name="every-after-").first).to_be_visible(timeout=20000); print("live again, marked",pg.evaluate("window.__mark"))
    b.close()
