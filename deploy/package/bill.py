"""The bill of materials: a CycloneDX list of everything in the package."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from agent.core.camera.model_manifest import ModelManifest
from deploy.package.parts import Part
from deploy.package.target import Target

_LICENCES = LicenseFactory()


def document(target: Target, version: str, time_s: int, parts: Sequence[Part], model: ModelManifest | None) -> str:
    """JSON, the same for the same package: its serial number is made from what it lists."""
    root = _component(target.product, version, "Apache-2.0", kind=ComponentType.APPLICATION)
    root.purl = PackageURL(
        "deb",
        None,
        target.product,
        f"{version}{target.release.suffix}",
        {"arch": target.arch, "distro": target.release.name},
    )
    listed = [*(_library(part) for part in parts), *([_model(model)] if model else [])]
    bom = Bom(components=listed)
    bom.metadata.component = root
    bom.metadata.timestamp = datetime.fromtimestamp(time_s, UTC)
    bom.serial_number = uuid5(NAMESPACE_URL, " ".join((str(root.purl), str(time_s), *(part.sha256 for part in parts))))
    bom.register_dependency(root, listed)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _library(part: Part) -> Component:
    component = _component(part.name, part.version, part.licence, sha256=part.sha256)
    scope, _, name = part.name.rpartition("/")
    known = name if part.registry == "npm" else name.lower().replace("_", "-")
    component.purl = PackageURL(part.registry, scope or None, known, part.version)
    component.external_references.add(ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(part.homepage)))
    component.components.update(_inside(part, part.bundled))
    return component


def _inside(part: Part, libraries: Iterable[tuple[str, str]]) -> Iterable[Component]:
    for name, version in libraries:
        component = _component(name, version)
        component.bom_ref.value = f"{part.name}/{name}/{version}"
        yield component


def _model(model: ModelManifest) -> Component:
    component = _component(
        model.name, model.made_at, model.licence, sha256=model.sha256, kind=ComponentType.MACHINE_LEARNING_MODEL
    )
    component.description = f"made from {model.source.package} {model.source.version}"
    return component


def _component(
    name: str, version: str, licence: str = "", *, sha256: str = "", kind: ComponentType = ComponentType.LIBRARY
) -> Component:
    return Component(
        type=kind,
        name=name,
        version=version or None,
        bom_ref=f"{name}@{version}",
        licenses=[_LICENCES.make_from_string(licence)] if licence else [],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)] if sha256 else [],
    )
