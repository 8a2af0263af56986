"""Holds each resource and data source of a Terraform module, and each reference to one, against what the AWS provider has, as it stands in the bindings
for Python that are made from the provider's schema. Prints JSON: every mistake, and the resources. Arguments: the wheel of the bindings,
and the module's folder."""

import ast
import glob
import json
import os
import re
import sys
import zipfile

import hcl2

# https://developer.hashicorp.com/terraform/language/meta-arguments
META = {"count", "for_each", "depends_on", "provider", "lifecycle", "connection", "provisioner"}

# aws_iam_role.host.arn, data.aws_partition.current.partition
REFERENCE = re.compile(r"\b(?:(data)\.)?(aws_\w+)\.(\w+)\.(\w+)")


def plain(value):
    """As it was written, without the parser's own quotes and marks."""
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


def blocks_of(folder):
    """(kind, type, name, body) of each resource and data source."""
    for path in sorted(glob.glob(os.path.join(folder, "*.tf"))):
        with open(path, encoding="utf-8") as file:
            parsed = plain(hcl2.load(file))
        for kind in ("resource", "data"):
            for block in parsed.get(kind, []):
                for of_type, named in block.items():
                    for name, body in named.items():
                        yield kind, of_type, name, body


class Bindings:
    """One module a resource: aws_iam_role is iam_role, data aws_partition is data_aws_partition."""

    def __init__(self, wheel):
        self.archive = zipfile.ZipFile(wheel)
        self.root = next(name.split("/")[0] for name in self.archive.namelist() if name.endswith("/iam_role/__init__.py"))

    def classes(self, kind, of_type):
        folder = of_type.removeprefix("aws_") if kind == "resource" else f"data_{of_type}"
        try:
            source = self.archive.read(f"{self.root}/{folder}/__init__.py").decode()
        except KeyError:
            return None
        return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}


def arguments(node):
    """Of a class's constructor, by name: whether it must be there, and what its type mentions."""
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            pairs = zip(member.args.kwonlyargs, member.args.kw_defaults)
            return {arg.arg: (default is None, mentioned(arg.annotation)) for arg, default in pairs}
    return {}


def mentioned(annotation):
    return [node.value for node in ast.walk(annotation) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def mistakes_in(body, class_name, classes, place):
    known = arguments(classes[class_name])
    for name in body:
        if name not in known and name not in META:
            yield f"{place}: the provider has no {name}"
    for name, (is_required, _) in known.items():
        if is_required and name not in body:
            yield f"{place}: {name} is missing"
    for name, value in body.items():
        for block in nested(value):
            for inner in (each for each in known.get(name, (False, []))[1] if each in classes):
                yield from mistakes_in(block, inner, classes, f"{place}.{name}")


def nested(value):
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]


def class_of(kind, of_type):
    words = of_type.split("_") if kind == "data" else of_type.split("_")[1:]
    return ("Data" if kind == "data" else "") + "".join(word.capitalize() for word in words)


def references_in(folder):
    for path in glob.glob(os.path.join(folder, "*.tf")):
        with open(path, encoding="utf-8") as file:
            for data, of_type, name, attribute in REFERENCE.findall(file.read()):
                yield data or "resource", of_type, name, attribute


def place_of(kind, of_type, name):
    return f"{'data.' if kind == 'data' else ''}{of_type}.{name}"


def main(wheel, folder):
    bindings, mistakes, resources = Bindings(wheel), [], {}
    for kind, of_type, name, body in blocks_of(folder):
        place = place_of(kind, of_type, name)
        resources[place] = body
        classes = bindings.classes(kind, of_type)
        if classes is None:
            mistakes.append(f"{place}: the provider has no {of_type}")
        else:
            mistakes.extend(mistakes_in(body, class_of(kind, of_type), classes, place))
    for kind, of_type, name, attribute in references_in(folder):
        place = place_of(kind, of_type, name)
        classes = bindings.classes(kind, of_type) or {}
        known = classes.get(class_of(kind, of_type))
        if place not in resources:
            mistakes.append(f"{place}.{attribute}: there is no {place}")
        elif known and attribute not in [member.name for member in known.body if isinstance(member, ast.FunctionDef)] + ["id"]:
            mistakes.append(f"{place}.{attribute}: the provider has no {attribute}")
    json.dump({"mistakes": mistakes, "resources": resources}, sys.stdout)


main(*sys.argv[1:])
