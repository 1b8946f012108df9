# SPDX-License-Identifier: ISC
{
  description = "dmd: keeps small signed files the same on every node of a mesh";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      each = f: nixpkgs.lib.genAttrs systems
        (system: f nixpkgs.legacyPackages.${system});
    in
    {
      packages = each (pkgs: rec {
        data-mesher = pkgs.callPackage ./dist/nix/package.nix { };
        default = data-mesher;
      });

      # `nix run .#data-mesher -- generate keypair`
      apps = each (pkgs: rec {
        data-mesher = {
          type = "app";
          program =
            "${self.packages.${pkgs.system}.data-mesher}/bin/data-mesher";
        };
        default = data-mesher;
      });

      devShells = each (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ self.packages.${pkgs.system}.data-mesher ];
          packages = with pkgs; [
            clang-tools
            cppcheck
            curl
            go
            iproute2
            mandoc
            nghttp2
            openssh
            (python3.withPackages (p: [ p.pytest ]))
          ];
        };
      });

      # `nix flake check` builds the package, and the service of a machine that
      # has the module
      checks = each (pkgs: {
        package = self.packages.${pkgs.system}.data-mesher;
        module = (nixpkgs.lib.nixosSystem {
          modules = [
            self.nixosModules.data-mesher
            {
              nixpkgs.hostPlatform = pkgs.system;
              boot.isContainer = true;
              system.stateVersion = nixpkgs.lib.trivial.release;
              services.data-mesher = {
                enable = true;
                openFirewall = true;
                settings.http.interface = "lo";
              };
            }
          ];
        }).config.systemd.units."data-mesher.service".unit;
      });

      nixosModules = rec {
        data-mesher = import ./dist/nix/module.nix self;
        default = data-mesher;
      };
    };
}
