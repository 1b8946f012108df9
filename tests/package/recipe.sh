# SPDX-License-Identifier: ISC
# Runs what abuild and makepkg would run of an APKBUILD or a PKGBUILD, in an
# unpacked release: recipe.sh RECIPE DIRECTORY_OF_THE_RELEASE PKGDIR SRCDIR
set -eu
recipe=$1 srcdir=$4 pkgdir=$3
# abuild's: moves what a subpackage gets out of the package
amove() {
	for path; do
		[ -e "$pkgdir/$path" ] || [ -L "$pkgdir/$path" ] || {
			echo "no $path" >&2
			exit 1
		}
		mkdir -p "$subpkgdir/$(dirname "$path")"
		mv "$pkgdir/$path" "$subpkgdir/$path"
	done
}
# shellcheck disable=SC1090 # the recipe under test
. "$recipe"
case $recipe in
*/APKBUILD) cd "$2" ;;
*) cd "$2/.." ;;
esac
(build)
(package)
for sub in ${subpackages-}; do
	function=${sub#*:}
	function=${function%%:*}
	case $sub in *-doc | *-openrc) continue ;; esac
	subpkgdir="$pkgdir.$function"
	("$function")
done
