# SPDX-License-Identifier: ISC
# The names of a flake's outputs, without building one, as text of JSON.
{ lib, flake }:
let
  nixpkgs = {
    inherit lib;
    legacyPackages = lib.genAttrs lib.systems.flakeExposed
      (system: { inherit system; callPackage = file: _: { inherit file; }; });
  };
  self = (import flake).outputs { inherit self nixpkgs; };
  names = lib.mapAttrs (_: lib.attrNames);
in
builtins.toJSON {
  packages = names self.packages;
  checks = names self.checks;
  modules = lib.attrNames self.nixosModules;
}
