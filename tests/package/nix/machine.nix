# SPDX-License-Identifier: ISC
# What a machine gets whose configuration has `given` as services.data-mesher:
# dist/nix/module.nix evaluated by the module system of nixpkgs, as text of
# JSON.
{ lib, module, given }:
let
  stand-in = import ./options.nix { inherit lib; };
  package = {
    type = "derivation";
    name = "data-mesher";
    outPath = "/package";
  };
  flake.packages.x86_64-linux.data-mesher = package;
  machine = lib.evalModules {
    modules = [
      (import module flake)
      stand-in.module
      { _module.args.pkgs = stand-in.pkgs; }
      { services.data-mesher = builtins.fromJSON given; }
    ];
  };
  inherit (machine) config;
in
builtins.toJSON {
  settings = config.environment.etc."data-mesher/dm.toml".source.text or null;
  service = config.systemd.services.data-mesher.serviceConfig or null;
  ports = config.networking.firewall.allowedTCPPorts;
  users = config.users.users;
  groups = lib.attrNames config.users.groups;
  directories = config.systemd.tmpfiles.rules;
}
