"""What deploy/ ships, checked by the tools that will read it, as far as they go without a network.

What only a cluster, a registry, a daemon or PID 1 can show is not here; deploy/README.md says what
was tried by hand.
"""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest
import urllib.request

import yaml

from live import Samples, ask, free_port, wait_until
from processes import ROOT, WEIR, provider
from tools import find, needs, needs_newer, newer, run

DEPLOY = ROOT / "deploy"
SETTINGS = sorted(DEPLOY.rglob("*.json5"))
KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = ("example-app", "gateway")
# The oldest with native sidecars, the one in which they are stable, and the newest that is known.
KUBERNETES_VERSIONS = ("1.29", "1.33", "1.37")
# Kinds of the Prometheus operator, of which kubernetes-validate has no schemas.
OPERATOR_KINDS = {"PodMonitor", "PrometheusRule"}


def load(path):
    return yaml.safe_load(pathlib.Path(path).read_text())


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(s|m|h)", text).groups()
    return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]


def setting(path, name):
    """The effective value of a setting, as weir tells it."""
    with secrets(path) as (file, environment):
        _, printed, _ = run(WEIR, "check", "--config", file, "--print", env=environment)
    return re.search(rf"^{re.escape(name)}: (\S+)", printed, re.M)[1].strip('"')


class secrets:
    """The settings with a secret that is there: yields their path and an environment."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-deploy-")
        folder = pathlib.Path(self.folder.name)
        for name in ("authorization", "openai"):
            (folder / name).write_text("Bearer not-a-key")
        copy = folder / "weir.json5"
        copy.write_text(self.path.read_text().replace("/etc/weir/secret/", f"{folder}/"))
        return copy, {**os.environ, "CREDENTIALS_DIRECTORY": str(folder)}

    def __exit__(self, *_):
        self.folder.cleanup()


class SettingsTest(unittest.TestCase):
    def test_weir_accepts_them(self):
        self.assertGreaterEqual(len(SETTINGS), 4)
        for path in SETTINGS:
            with self.subTest(path=path.relative_to(ROOT)), secrets(path) as (file, environment):
                code, said, complained = run(WEIR, "check", "--config", file, env=environment)
                self.assertEqual(code, 0, said + complained)


class LintTest(unittest.TestCase):
    def test_yaml(self):
        code, said, _ = run("yamllint", "--strict", "deploy", "dashboards", "dashboards/.lint",
                            cwd=ROOT)
        self.assertEqual(code, 0, said)

    def test_scripts_can_be_read(self):
        for shell, script in (("sh", "compose/traffic.sh"), ("bash", "docker/check"),
                              ("bash", "systemd/check")):
            code, _, complained = run(shell, "-n", DEPLOY / script)
            self.assertEqual((code, complained), (0, ""))
        compile((DEPLOY / "compose/check").read_text(), "check", "exec")

    def test_every_folder_says_how_it_was_tested(self):
        for folder in sorted(path for path in DEPLOY.iterdir() if path.is_dir()):
            with self.subTest(folder=folder.name):
                self.assertIn("ested", (folder / "README.md").read_text())
                self.assertIn(f"({folder.name}/README.md)", (DEPLOY / "README.md").read_text())

    def test_images_are_pinned(self):
        images = re.findall(r"(?:image: |BUILDER=|RUNTIME=)(\S+)", "\n".join(
            path.read_text() for path in (DEPLOY / "docker/Dockerfile", DEPLOY / "compose/compose.yaml",
                                          *KUBERNETES.rglob("*.yaml"))))
        self.assertGreater(len(images), 6)
        for image in set(images) - {"weir"}:
            self.assertRegex(image, r"^[\w./-]+:[\w.-]+$")
            self.assertNotIn(":latest", image)


class DockerTest(unittest.TestCase):
    TEXT = (DEPLOY / "docker/Dockerfile").read_text()

    def test_hadolint(self):
        code, said, complained = run("hadolint", "--failure-threshold", "style",
                                     DEPLOY / "docker/Dockerfile")
        self.assertEqual((code, said + complained), (0, ""))

    def test_it_runs_as_a_numbered_user_and_can_be_asked_for_its_health(self):
        last = self.TEXT.split("\nFROM ")[-1]
        self.assertRegex(last, r"(?m)^USER 65532:65532$")
        self.assertRegex(last, r'HEALTHCHECK [^\n]*\\\n\s+CMD \["/usr/local/bin/weir", "healthcheck"\]')
        # BuildKit would fetch a frontend, which fails without a network.
        self.assertNotIn("# syntax=", self.TEXT)

    def test_the_context_has_what_the_build_needs_and_no_more(self):
        ignored = (ROOT / ".dockerignore").read_text().split()
        self.assertIn(".build/", ignored)
        self.assertFalse({"Sources/", "Tests/", "scripts/", "Package.swift", "Makefile"} & set(ignored))

    @needs("strip")
    def test_a_stripped_release_is_small(self):
        release = ROOT / ".build/release/weir"
        if not release.exists():
            self.skipTest("SKIPPED: no release build; make build makes one")
        with tempfile.TemporaryDirectory() as folder:
            run("strip", "--strip-all", "-o", f"{folder}/weir", release)
            self.assertLess(os.path.getsize(f"{folder}/weir"), 20 << 20)

    def test_weir_needs_no_rights(self):
        """As in its container: another user, no capabilities, none to be had."""
        bare = ["setpriv", "--reuid=65532", "--regid=65532", "--clear-groups",
                "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
        if run(*bare, "true")[0]:
            self.skipTest("SKIPPED: only root can become another user")
        with provider() as (upstream, _), tempfile.TemporaryDirectory() as folder:
            # Its own place, which that user can reach whatever the checkout's permissions are.
            os.chmod(folder, 0o755)
            binary = shutil.copy(WEIR, f"{folder}/weir")
            process = subprocess.Popen(
                [*bare, binary, "run", "--upstream", f"http://{upstream}",
                 "--listen", "127.0.0.1:0", "--admin", "off"],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/")
            try:
                address = re.search(r"relaying on (\S+)", process.stderr.readline())[1]
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                self.assertRegex(status, r"CapEff:\s+0+\n")
                self.assertEqual(ask(address, "/v1/chat/completions").status, 200)
            finally:
                process.terminate()
                process.wait(20)
                process.stderr.close()


class ComposeTest(unittest.TestCase):
    FILE = DEPLOY / "compose/compose.yaml"

    def test_its_schema(self):
        code, said, complained = run(
            "check-jsonschema", "--builtin-schema", "vendor.compose-spec", self.FILE)
        self.assertEqual(code, 0, said + complained)

    @needs_newer("docker-compose")
    def test_compose_takes_it(self):
        code, said, complained = run(newer("docker-compose"), "-f", self.FILE, "config", "-q")
        self.assertEqual((code, said + complained), (0, ""))

    def test_ports_are_open_to_this_machine_alone(self):
        for name, service in load(self.FILE)["services"].items():
            for port in service.get("ports", []):
                self.assertRegex(port, r"^127\.0\.0\.1:\d+:\d+$", name)

    def test_what_is_mounted_is_there_and_where_it_is_looked_for(self):
        services = load(self.FILE)["services"]
        mounted = {}
        for service in services.values():
            for volume in service.get("volumes", []):
                source, target = volume.split(":")[:2]
                if source.startswith("."):
                    mounted[target] = (self.FILE.parent / source).resolve()
        for path in mounted.values():
            self.assertTrue(path.exists(), path)

        def inside(path):
            """Where a path of a container comes from, here."""
            for target, source in mounted.items():
                if path == target or path.startswith(target + "/"):
                    return pathlib.Path(str(source) + path[len(target):])
            return None

        grafana = services["grafana"]["environment"]
        provisioning = self.FILE.parent / "grafana/provisioning"
        self.assertEqual(inside("/etc/grafana/provisioning"), provisioning)
        folder = load(provisioning / "dashboards/weir.yml")["providers"][0]["options"]["path"]
        self.assertEqual(inside(folder), ROOT / "dashboards")
        self.assertTrue(inside(grafana["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).exists())
        self.assertTrue(inside("/etc/weir/weir.json5").exists())
        prometheus = load(inside("/etc/prometheus/prometheus.yml"))
        for pattern in prometheus["rule_files"]:
            rules = inside("/etc/prometheus/" + pattern.split("/")[0])
            self.assertTrue(list(rules.glob(pattern.split("/")[1])), pattern)

    def test_services_find_each_other(self):
        services = load(self.FILE)["services"]
        folder = self.FILE.parent
        source = load(folder / "grafana/provisioning/datasources/prometheus.yml")["datasources"][0]
        prometheus = load(folder / "prometheus/prometheus.yml")
        self.assertEqual(source["jsonData"]["timeInterval"], prometheus["global"]["scrape_interval"])
        addresses = [source["url"].removeprefix("http://"),
                     *prometheus["scrape_configs"][0]["static_configs"][0]["targets"],
                     re.search(r"http://(\S+)", (folder / "traffic.sh").read_text())[1],
                     re.search(r'url: "http://([^"]+)"', (folder / "weir/weir.json5").read_text())[1]]
        for address in addresses:
            self.assertIn(address.split(":")[0], services)

    @needs("promtool")
    def test_its_prometheus(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(DEPLOY / "compose/prometheus/prometheus.yml", folder)
            shutil.copytree(DEPLOY / "prometheus/rules", folder + "/rules")
            code, said, complained = run("promtool", "check", "config", folder + "/prometheus.yml")
            self.assertEqual(code, 0, said + complained)

    def test_its_traffic_meets_its_routes(self):
        """Each request of traffic.sh, as curl sends it, is answered through such a weir."""
        paths = set(re.findall(r"stream (/\S+)", (DEPLOY / "compose/traffic.sh").read_text()))
        routes = re.findall(r'path: "([^"]+)"', (DEPLOY / "compose/weir/weir.json5").read_text())
        for path in paths:
            self.assertTrue(any(path.startswith(route) for route in routes), path)


class KubernetesTest(unittest.TestCase):
    def test_the_rule_is_made_from_the_rules(self):
        code, _, complained = run(KUBERNETES / "generate-rule", "--check")
        self.assertEqual((code, complained), (0, ""))
        groups = load(KUBERNETES / "base/prometheusrule.yaml")["spec"]["groups"]
        self.assertEqual(groups, [
            group for name in ("weir.rules.yml", "weir.alerts.yml")
            for group in load(DEPLOY / "prometheus/rules" / name)["groups"]])



# kubectl has one built in; either does.
KUSTOMIZE = ([newer("kustomize"), "build"] if newer("kustomize")
             else [find("kubectl"), "kustomize"] if find("kubectl") else None)


@unittest.skipUnless(KUSTOMIZE, "SKIPPED: neither kustomize nor kubectl is to be had")
class OverlaysTest(unittest.TestCase):
    """What `kubectl apply -k` would apply."""

    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.resources = {}
        for overlay in OVERLAYS:
            code, built, complained = run(*KUSTOMIZE, KUBERNETES / "overlays" / overlay)
            assert code == 0 and not complained, complained
            path = pathlib.Path(cls.folder) / f"{overlay}.yaml"
            path.write_text(built)
            cls.resources[overlay] = [
                resource for resource in yaml.safe_load_all(built) if resource]

    def of_kind(self, overlay, kind):
        return [resource for resource in self.resources[overlay] if resource["kind"] == kind]

    def pods(self):
        """Each Deployment's name, and its pod."""
        for overlay in OVERLAYS:
            for deployment in self.of_kind(overlay, "Deployment"):
                yield overlay, deployment["spec"]["template"]

    @staticmethod
    def containers(pod):
        return pod["spec"].get("initContainers", []) + pod["spec"]["containers"]

    def weirs(self):
        for overlay, pod in self.pods():
            for container in self.containers(pod):
                if container["name"] == "weir":
                    yield overlay, pod, container

    def test_schemas(self):
        files = [KUBERNETES / "overlays/gateway/app-egress.yaml",
                 *(pathlib.Path(self.folder) / f"{overlay}.yaml" for overlay in OVERLAYS)]
        for version in KUBERNETES_VERSIONS:
            with self.subTest(version=version):
                code, said, complained = run(
                    "kubernetes-validate", "--strict", "-k", version, *files)
                self.assertEqual(code, 0, said + complained)
                unknown = set(re.findall(r"Couldn't find schema for kind (\w+)", said + complained))
                self.assertEqual(unknown, OPERATOR_KINDS)

    def test_pods_are_restricted(self):
        """The Pod Security Standard restricted, which the namespaces enforce."""
        for overlay, pod in self.pods():
            spec = pod["spec"]
            self.assertIs(spec["securityContext"]["runAsNonRoot"], True)
            self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            self.assertIs(spec["automountServiceAccountToken"], False)
            for container in self.containers(pod):
                with self.subTest(overlay=overlay, container=container["name"]):
                    context = container["securityContext"]
                    self.assertIs(context["allowPrivilegeEscalation"], False)
                    self.assertIs(context["readOnlyRootFilesystem"], True)
                    self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
                    self.assertIn("memory", container["resources"]["limits"])
        for overlay in OVERLAYS:
            labels = self.of_kind(overlay, "Namespace")[0]["metadata"]["labels"]
            self.assertEqual(labels["pod-security.kubernetes.io/enforce"], "restricted")

    def test_the_sidecar_is_native_and_first(self):
        _, pod = next(self.pods())
        first = pod["spec"]["initContainers"][0]
        self.assertEqual((first["name"], first["restartPolicy"]), ("weir", "Always"))

    def test_settings_arrive_as_they_are(self):
        for overlay, settings in (("example-app", KUBERNETES / "components/sidecar/weir.json5"),
                                  ("gateway", KUBERNETES / "overlays/gateway/weir.json5")):
            maps = self.of_kind(overlay, "ConfigMap")
            self.assertEqual([found["data"]["weir.json5"] for found in maps],
                             [settings.read_text()])

    def test_the_names_agree(self):
        for overlay, pod, weir in self.weirs():
            with self.subTest(overlay=overlay):
                monitor = self.of_kind(overlay, "PodMonitor")[0]["spec"]
                chosen = monitor["selector"]["matchExpressions"][0]
                self.assertIn(pod["metadata"]["labels"][chosen["key"]], chosen["values"])
                ports = {port["name"]: port["containerPort"] for port in weir["ports"]}
                self.assertEqual(ports[monitor["podMetricsEndpoints"][0]["port"]], 9347)
                for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                    self.assertIn(weir[probe]["httpGet"]["port"], ports)
                volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
                self.assertEqual(volumes["weir-config"]["configMap"]["name"],
                                 self.of_kind(overlay, "ConfigMap")[0]["metadata"]["name"])
                self.assertNotIn("subPath", str(weir["volumeMounts"]))
                for policy in self.of_kind(overlay, "NetworkPolicy"):
                    selected = policy["spec"]["podSelector"]["matchLabels"]
                    self.assertLessEqual(selected.items(), pod["metadata"]["labels"].items())

    def test_a_pod_lives_longer_than_its_streams(self):
        for overlay, pod, _ in self.weirs():
            settings = (KUBERNETES / "components/sidecar/weir.json5" if overlay == "example-app"
                        else KUBERNETES / "overlays/gateway/weir.json5")
            drain = sum(seconds(setting(settings, name)) for name in ("drain_timeout", "drain_delay"))
            self.assertGreater(pod["spec"]["terminationGracePeriodSeconds"], drain)


@needs("systemd-analyze")
class SystemdTest(unittest.TestCase):
    FOLDER = DEPLOY / "systemd"

    def test_systemd_has_no_complaint(self):
        """It ends with 0 even where it warns, so it must say nothing."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("weir.service", "weir.socket"):
                text = (self.FOLDER / name).read_text()
                pathlib.Path(folder, name).write_text(text.replace("/usr/local/bin/weir", WEIR))
            code, said, complained = run("systemd-analyze", "verify", f"{folder}/weir.service",
                                         f"{folder}/weir.socket")
        ours = [line for line in (said + complained).splitlines() if "weir" in line]
        self.assertEqual((code, ours), (0, []))

    def test_its_exposure(self):
        """The threshold is ten times the figure."""
        code, said, complained = run(
            "systemd-analyze", "security", "--offline=true", "--threshold=15",
            self.FOLDER / "weir.service")
        self.assertEqual(code, 0, said + complained)

    def test_it_waits_for_the_drain(self):
        unit = (self.FOLDER / "weir.service").read_text()
        drain = sum(seconds(setting(self.FOLDER / "weir.json5", name))
                    for name in ("drain_timeout", "drain_delay"))
        self.assertGreater(seconds(re.search(r"TimeoutStopSec=(\S+)", unit)[1]), drain)

    def test_addresses_agree(self):
        sockets = re.findall(r"ListenStream=(\S+)", (self.FOLDER / "weir.socket").read_text())
        file = self.FOLDER / "weir.json5"
        self.assertEqual(sockets, [setting(file, "listen[0].address"), setting(file, "admin.listen")])
        self.assertIn(f"weir reload --admin {sockets[1]}", (self.FOLDER / "weir.service").read_text())

    def test_the_credential_is_the_one_that_the_settings_read(self):
        name = re.search(r"LoadCredential=(\w+):", (self.FOLDER / "weir.service").read_text())[1]
        self.assertIn("file:${CREDENTIALS_DIRECTORY}/" + name,
                      (self.FOLDER / "weir.json5").read_text())

    def test_figures_are_right_where_proc_shows_processes_alone(self):
        """ProcSubset=pid hides what /proc tells of the machine."""
        self.assertIn("ProcSubset=pid", (self.FOLDER / "weir.service").read_text())
        hidden = ["unshare", "--mount", "sh", "-c",
                  'mount -t proc -o subset=pid proc /proc && ! [ -e /proc/stat ] && exec "$@"', "sh"]
        if run(*hidden, "true")[0]:
            self.skipTest("SKIPPED: only a root that may mount can hide parts of /proc")
        port = free_port()
        process = subprocess.Popen(
            [*hidden, WEIR, "run", "--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:0",
             "--admin", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            def page():
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                        return Samples(answer.read().decode())
                except OSError:  # weir does not listen yet
                    return None
            self.assertTrue(wait_until(page))
            shown = page()
            began = pathlib.Path(f"/proc/{process.pid}").stat().st_mtime
            self.assertLess(abs(shown.sum("process_start_time_seconds") - began), 60)
            for name in ("process_resident_memory_bytes", "process_open_fds", "process_threads"):
                self.assertGreater(shown.sum(name), 0, name)
        finally:
            process.terminate()
            process.wait(20)


@needs("systemd-socket-activate")
class SocketActivationTest(unittest.TestCase):
    def test_sockets_of_systemd_are_used(self):
        """The first connection starts weir, and is answered by it."""
        with provider() as (upstream, _), socket.socket() as one, socket.socket() as two:
            for probe in (one, two):
                probe.bind(("127.0.0.1", 0))
            relay, admin = (f"127.0.0.1:{probe.getsockname()[1]}" for probe in (one, two))
            one.close()
            two.close()
            process = subprocess.Popen(
                [find("systemd-socket-activate"), "-l", relay, "-l", admin, WEIR, "run",
                 "--upstream", f"http://{upstream}", "--listen", relay, "--admin", admin],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                def answered():
                    try:
                        return ask(relay, "/v1/chat/completions").status == 200
                    except OSError:  # systemd-socket-activate does not listen yet
                        return False
                self.assertTrue(wait_until(answered))
                self.assertEqual(ask(admin, "/readyz", method="GET").status, 200)
            finally:
                process.terminate()
                self.assertEqual(process.wait(20), 0)


if __name__ == "__main__":
    unittest.main()
