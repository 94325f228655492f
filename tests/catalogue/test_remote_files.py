"""Files on an XRootD server."""

import os


def test_a_folder_of_a_server(catalogue, xrootd_server, monkeypatch) -> None:
    from darkreach.catalogue import inspection

    catalogue.data(files=[xrootd_server.url + "exp7/"])
    for run in (1, 2, 3):
        path = catalogue.write(f"{run}.root", {(7, run): range(10)})
        target = xrootd_server.folder / f"exp7/sub/{run}.root"
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
    catalogue.update()
    blocks = catalogue.manifests()
    assert catalogue.files() == {"b00001": ["1.root", "2.root"], "b00002": ["3.root"]}
    file = blocks["b00001"].files[0]
    assert file.path == xrootd_server.url + "exp7/sub/1.root"
    assert (file.entries, file.checksum, file.runs) == (10, None, [(7, 1, 10)])
    before = catalogue.content()
    with monkeypatch.context() as patch:
        patch.setattr(inspection, "facts_of", None)
        assert catalogue.update() == []
    folder = xrootd_server.folder / "exp7/sub"
    os.utime(folder / "1.root", (10**9, 10**9))
    assert catalogue.update() == [] and catalogue.content() == before
    (folder / "3.root").rename(xrootd_server.folder / "3.root")
    message = catalogue.refusal()
    assert f"1 catalogued file, 0.5 fb⁻¹, cannot be read: {xrootd_server.url}exp7/sub/3.root" in message
    (xrootd_server.folder / "3.root").rename(folder / "3.root")
    assert catalogue.update() == [] and catalogue.content() == before
    os.replace(catalogue.write("4.root", {(7, 4): range(5)}), folder / "4.root")
    assert catalogue.update() == ["data.json", "data/b00003.json"]


def test_a_server_that_is_down_is_not_a_lost_file(catalogue, xrootd_server, monkeypatch) -> None:
    from darkreach.ntuple import remote

    os.replace(catalogue.write("1.root", {(7, 1): range(10)}), xrootd_server.folder / "1.root")
    catalogue.data(files=[xrootd_server.url + "1.root"])
    catalogue.tolerance = 1.0
    catalogue.update()
    xrootd_server.kill()
    with monkeypatch.context() as impatient:
        impatient.setattr(remote, "ATTEMPTS", 1)
        assert "cannot be listed" in catalogue.refusal()
    xrootd_server.start()
    monkeypatch.setattr(remote, "_given_up", set())
    assert catalogue.update() == []
